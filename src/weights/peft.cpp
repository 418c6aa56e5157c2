// peft's names and shapes for the branches of CLIP's modules.
#include "fsc/weights/peft.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/lora_folder.h"
#include "weights/detail_names.h"
#include "weights/detail_source.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;
using torch::Tensor;

constexpr const char* kPrefix = "base_model.model.";

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }
std::string without_weight(const std::string& name) { return name.substr(0, name.size() - std::string(".weight").size()); }

class Adapter {
 public:
  Adapter(const StateDict& lora, double rank, double alpha) : lora_(lora), rank_(rank), alpha_(alpha) {
    state.metadata["format"] = "pt";
  }

  /// The branch of the tensor `rule.ours`, if it has one.
  void add(const detail::NameRule& rule) {
    if (rule.ours.size() != 1 || !rule.ours[0].ends_with("weight")) return;
    for (const auto& theirs : rule.theirs) ++all_[last_part(without_weight(theirs))];
    const std::string& ours = rule.ours[0];
    // visual.conv1.weight has visual.conv1.lora_A, attn.in_proj_weight has attn.in_proj_weight_lora_A.
    const std::string stem = ours.ends_with(".weight") ? without_weight(ours) + "." : ours + "_";
    const Tensor *A = lora_.find(stem + "lora_A"), *B = lora_.find(stem + "lora_B");
    if (!A || !B) return;
    if (last_part(without_weight(rule.theirs[0])) == "patch_embedding") return add_conv(without_weight(rule.theirs[0]), *A, *B);
    const auto parts = B->chunk(static_cast<int64_t>(rule.theirs.size()), 0);
    for (size_t i = 0; i < rule.theirs.size(); ++i) put(without_weight(rule.theirs[i]), A->clone(), parts[i].clone());
  }

  /// Names as short as they are unmistakable: fc1 where every fc1 has an adapter.
  std::vector<std::string> targets() const {
    std::map<std::string, int64_t> found;
    for (const auto& module : modules_) ++found[last_part(module)];
    std::vector<std::string> names;
    for (const auto& [part, count] : found)
      if (count == all_.at(part)) names.push_back(part);
    for (const auto& module : modules_)
      if (found[last_part(module)] != all_.at(last_part(module))) names.push_back(module);
    return names;
  }
  PeftReport report() const { return {static_cast<int64_t>(modules_.size()), conv_rank_}; }

  StateDict state;

 private:
  void put(const std::string& module, const Tensor& A, const Tensor& B) {
    modules_.push_back(module);
    state.add(kPrefix + module + ".lora_A.weight", A.contiguous());
    state.add(kPrefix + module + ".lora_B.weight", B.contiguous());
  }

  /// A convolution and a 1x1 convolution behind it whose product is exactly scale * B A in the kernel's shape: one of them is it,
  /// the other the identity.
  void add_conv(const std::string& module, const Tensor& A, const Tensor& B) {
    const int64_t patch = A.size(1) / 3, width = B.size(0) / patch, inputs = 3 * patch * patch;
    const Tensor kernel = (B.matmul(A) * (alpha_ / rank_)).reshape({width, 3, patch, patch});
    conv_rank_ = std::min(width, inputs);
    const Tensor identity = torch::eye(conv_rank_);
    if (width <= inputs)
      put(module, kernel, identity.reshape({width, width, 1, 1}));
    else
      put(module, identity.reshape({inputs, 3, patch, patch}), kernel.reshape({width, inputs, 1, 1}));
  }

  const StateDict& lora_;
  double rank_, alpha_;
  int64_t conv_rank_ = 0;
  std::vector<std::string> modules_;
  std::map<std::string, int64_t> all_;  ///< last part of a module's name -> how many there are
};

ordered_json number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

ordered_json config_of(const Adapter& adapter, double rank, double alpha) {
  ordered_json json = {{"peft_type", "LORA"},
                       {"task_type", nullptr},
                       {"base_model_name_or_path", nullptr},
                       {"r", number(rank)},
                       {"lora_alpha", number(alpha)},
                       {"lora_dropout", 0.0},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"init_lora_weights", true},
                       {"inference_mode", true},
                       {"target_modules", adapter.targets()},
                       {"rank_pattern", ordered_json::object()},
                       {"alpha_pattern", ordered_json::object()}};
  if (const int64_t conv = adapter.report().conv_rank)
    json["rank_pattern"]["patch_embedding"] = json["alpha_pattern"]["patch_embedding"] = conv;
  return json;
}

}  // namespace

PeftReport export_peft(const fs::path& run, const fs::path& output) {
  std::error_code error;
  if (fs::exists(output, error) && !(fs::is_directory(output, error) && fs::is_empty(output, error)))
    throw UsageError("--output " + output.string() + " exists already; name a folder that does not");
  if (!is_lora(run))
    throw UsageError(run.string() + " holds no " + kLoraFile + "; give the folder of a run with model.lora.rank above 0");
  const ModelSource source = find_model(run);
  if (source.arch.vision.siglip)
    throw UsageError(
        "peft's form is written for CLIPModel only; for a SigLIP model use fsc-model merge-lora, then convert --to hf");
  // Added to a model without weights, the tensors are checked by the same rules as for training.
  ClipModel model(source.arch);
  const StateDict file = read_safetensors(source.weights);
  add_lora(*model, file, source.weights.string());
  const StateDict lora = lora_state(*model);
  const double rank = std::stod(lora.metadata.at("lora_rank")), alpha = std::stod(lora.metadata.at("lora_alpha"));
  Adapter adapter(lora, rank, alpha);
  for (const auto& rule : detail::hf_clip_rules(source.arch.vision.layers, source.arch.text.layers)) adapter.add(rule);
  make_directories(fs::absolute(output).parent_path());
  write_directory_atomic(output, [&](const fs::path& folder) {
    write_safetensors(folder / "adapter_model.safetensors", adapter.state);
    write_file_atomic(folder / "adapter_config.json", config_of(adapter, rank, alpha).dump(2) + "\n");
  });
  return adapter.report();
}

}  // namespace fsc
