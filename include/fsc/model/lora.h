// LoRA on both towers (Hu et al. 2021), as the reference applies it: on every Linear, conv1 and attention's projections.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/model/clip_model.h"
#include "fsc/tensor/state_dict.h"

namespace fsc {

enum class LoraInit {
  kReference,  ///< A Kaiming-uniform, B zero; attention's packed input projection: both Xavier-uniform, as the official code
  kZero,       ///< B zero everywhere: step 0 is the base model
};

/// model.lora.*
struct LoraConfig {
  int64_t rank = 0;  ///< 0 = no LoRA
  double alpha = 1.0;
  std::vector<std::string> targets = {"linear", "attention", "conv1"};
  double dropout = 0.0;
  LoraInit init = LoraInit::kReference;

  bool is_on() const { return rank > 0; }
  void fields(config::Collector& v);
  /// `path` is the group's own ("model.lora").
  void validate(config::Problems& problems, const std::string& path) const;
};

/// Adds A and B to the targets (values depend on `seed` only) and freezes everything else. What lock_tower has frozen before
/// gets none. A target is linear (the MLPs), attention (its packed input and its output projection) or conv1 (the patch
/// embedding), or the end of a module's name with * for anything ("c_fc", "resblocks.1*.mlp.c_proj"; the packed projection is
/// attn.in_proj); "image." or "text." before any of them keeps it to that tower. UsageError for one that fits no module.
/// Parameter names are the reference's: <linear>.lora_A [r,in], .lora_B [out,r]; <attn>.in_proj_weight_lora_A [r,W], _lora_B
/// [3W,r]; conv1.lora_A [r*k, 3*k], lora_B [W*k, r*k], whose product is read as [W,3,k,k].
void add_lora(ClipModelImpl& model, const LoraConfig& config, uint64_t seed);

/// Adds the A and B that `state` holds to a plain model, for merging or evaluation. Error: metadata without rank and alpha,
/// names of no module, misshapen or non-finite tensors; the model is then as it was.
void add_lora(ClipModelImpl& model, const StateDict& state, const std::string& source);

/// Folds strength * scale * B A into the weights and drops A and B: a plain model, nothing frozen. `strength` scales the whole
/// term (WiSE-FT's alpha).
void merge_lora(ClipModelImpl& model, double strength = 1.0);

/// The tensors of A and B only, sharing storage with the model; empty without LoRA. metadata: lora_rank, lora_alpha.
StateDict lora_state(const ClipModelImpl& model);

/// Copies A and B into a model that has them (add_lora with the same config). Error names missing, unexpected, misshapen and
/// non-finite ones, before anything is copied.
void load_lora_state(ClipModelImpl& model, const StateDict& state, const std::string& source);

/// Whether a parameter is an A or a B.
bool is_lora_parameter(const std::string& name);

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::LoraInit> {
  static constexpr const char* names[] = {"reference", "zero"};
};
