// LoRA on both towers (Hu et al. 2021), as the reference applies it: on every Linear, conv1 and attention's projections.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/core/state_dict.h"
#include "fsc/model/clip_model.h"

namespace fsc {

enum class LoraInit {
  kReference,  ///< A Kaiming-uniform, B zero; attention's packed input projection: both Xavier-uniform, as the official code
  kZero,       ///< B zero everywhere: step 0 is the base model
};

/// model.lora.*
struct LoraConfig {
  int64_t rank = 0;  ///< 0 = no LoRA
  double alpha = 1.0;
  std::vector<std::string> targets = {"linear", "conv1", "attention"};
  double dropout = 0.0;
  LoraInit init = LoraInit::kReference;

  template <class V>
  void fields(V& v);
};

/// Adds A and B to the targets (values depend on `seed` only) and freezes everything else. Parameter names are the
/// reference's: <linear>.lora_A [r,in], .lora_B [out,r]; <attn>.in_proj_weight_lora_A [r,W], _lora_B [3W,r];
/// conv1.lora_A [r*k, 3*k], lora_B [W*k, r*k].
void add_lora(ClipModelImpl& model, const LoraConfig& config, uint64_t seed);

/// Folds scale * B A into the weights and drops A and B: a plain model. `strength` scales the whole term (WiSE-FT's alpha).
void merge_lora(ClipModelImpl& model, double strength = 1.0);

/// The tensors of A and B only; empty without LoRA. metadata: lora_rank, lora_alpha.
StateDict lora_state(const ClipModelImpl& model);

/// Copies A and B into a model that has them (add_lora with the same config). Error names missing, unexpected, misshapen ones.
void load_lora_state(ClipModelImpl& model, const StateDict& state, const std::string& source);

}  // namespace fsc
