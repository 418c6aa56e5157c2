// Reads, renames, writes, reads again and compares, all before the folder gets its name.
#include "fsc/weights/convert.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/fixed_input.h"
#include "weights/detail_hf_config.h"
#include "weights/detail_names.h"
#include "weights/detail_source.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using torch::Tensor;

struct DtypeFacts {
  torch::ScalarType type;
  double bound;  ///< for a component of a unit vector, with rounding in each of some 30 blocks
};

DtypeFacts facts(WeightDtype dtype) {
  switch (dtype) {
    case WeightDtype::kFp16:
      return {torch::kHalf, 5e-3};
    case WeightDtype::kBf16:
      return {torch::kBFloat16, 5e-2};
    default:
      return {torch::kFloat32, 2e-5};
  }
}

/// Error when a finite value leaves the number format's range.
Tensor as_dtype(const Tensor& tensor, const std::string& name, WeightDtype dtype) {
  if (dtype == WeightDtype::kKeep || !tensor.is_floating_point()) return tensor;
  const Tensor cast = tensor.to(facts(dtype).type);
  if (at::isinf(cast).any().item<bool>() && !at::isinf(tensor).any().item<bool>())
    throw Error("tensor " + name + " holds a value that is too large for fp16; choose --dtype bf16 or fp32");
  return cast;
}

/// torch's name for the dtype of all floating tensors, float32 when they are mixed: transformers casts to what config.json says.
std::string common_dtype(const StateDict& state) {
  std::string common;
  for (const auto& [name, tensor] : state.entries()) {
    const std::string dtype = tensor.scalar_type() == torch::kHalf       ? "float16"
                              : tensor.scalar_type() == torch::kBFloat16 ? "bfloat16"
                                                                         : "float32";
    if (common.empty()) common = dtype;
    if (common != dtype) return "float32";
  }
  return common;
}

void check_output(const fs::path& output) {
  std::error_code error;
  if (!fs::exists(output, error)) return;
  if (!fs::is_directory(output, error)) throw UsageError("--output " + output.string() + " is a file; name a folder to make");
  if (!fs::is_empty(output, error))
    throw UsageError("--output " + output.string() + " holds files already; name a new folder, or empty this one");
}

StateDict cast_state(const StateDict& state, WeightDtype dtype) {
  StateDict cast;
  for (const auto& [name, tensor] : state.entries()) cast.add(name, as_dtype(tensor, name, dtype));
  return cast;
}

/// Without what a format's own config does not bring back, a record would contradict it.
bool hf_brings_back(const ArchConfig& arch, const std::string& config) {
  return detail::parse_hf_config(config, arch.name, "config.json") == arch;
}

void write_hf(const fs::path& folder, const StateDict& cast, const detail::OpenedModel& opened,
              const ModelDescription& description) {
  ArchConfig arch = *description.arch;
  arch.custom_text = arch.vision.siglip;  // the prefix text. is open_clip's way to say that, and nothing else
  StateDict weights =
      detail::to_hf_names(detail::fit_text_prefix(cast, arch), arch.vision.siglip, opened.source.weights.string());
  const std::string config = detail::hf_config_json(arch, common_dtype(weights));
  weights.metadata = hf_brings_back(*description.arch, config) ? description_metadata(description)
                                                               : std::map<std::string, std::string>{{"format", "pt"}};
  write_safetensors(folder / kModelFile, weights);
  write_file_atomic(folder / "config.json", config);
  write_file_atomic(folder / "preprocessor_config.json", detail::hf_preprocess_json(*description.preprocess, arch));
  detail::write_hf_tokenizer(folder, arch, opened.source.tokenizer);
}

void write_open_clip(const fs::path& folder, StateDict& cast, const detail::OpenedModel& opened,
                     const ModelDescription& description) {
  if (description.arch->vision.gelu_tanh)
    spdlog::warn(
        "this model computes GELU's tanh approximation in its image tower, open_clip's the exact GELU: its features will differ "
        "slightly");
  cast.metadata = description_metadata(description);
  write_safetensors(folder / kModelFile, cast);
  write_file_atomic(folder / kModelConfigFile, open_clip_config_json(description));
  if (!opened.source.tokenizer.empty()) detail::write_hf_tokenizer(folder, *description.arch, opened.source.tokenizer);
}

/// The check in a form that other programs can repeat.
void save_check(const fs::path& path, const FixedInputFeatures& features) {
  StateDict state;
  state.add("pixels", features.pixels_B3SS);
  state.add("ids", features.ids_RT);
  state.add("image_features", features.images_BD);
  state.add("text_features", features.texts_RD);
  write_safetensors(path, state);
}

/// Of dtype, shape and bytes of each tensor, so that what comes back can be compared when the source is no longer in memory.
std::map<std::string, std::string> digests(const StateDict& state) {
  std::map<std::string, std::string> all;
  ArchConfig common;
  common.custom_text = true;
  const StateDict prefixed = detail::fit_text_prefix(state, common);
  for (const auto& [name, tensor] : prefixed.entries()) {
    std::ostringstream text;
    text << tensor.scalar_type() << tensor.sizes();
    const Tensor bytes = tensor.contiguous();
    text << sha256_hex({static_cast<const char*>(bytes.data_ptr()), static_cast<size_t>(bytes.nbytes())});
    all[name] = text.str();
  }
  return all;
}

/// Bit for bit, before features tell what that means.
void check_tensors(const std::map<std::string, std::string>& written, const std::map<std::string, std::string>& expected) {
  for (const auto& [name, digest] : expected) {
    const auto it = written.find(name);
    if (it == written.end() || it->second != digest)
      throw Error("the check failed: tensor " + name + " does not come back from what was written as it was");
  }
}

}  // namespace

ConvertReport convert_model(const ConvertRequest& request) {
  check_output(request.output);
  detail::OpenedModel opened = detail::open_model(request.input, request.arch, /*lean=*/true);
  ModelSource& source = opened.source;
  if (!request.tokenizer.empty()) {
    load_tokenizer(source.arch, request.tokenizer);  // fits the model, or says why not
    source.tokenizer = request.tokenizer;
  }
  const std::string where = source.weights.string();
  ConvertReport report;
  report.bound = facts(request.dtype).bound;
  const FixedInputFeatures before = fixed_input_features(source.arch, opened.state, where);
  const ModelDescription description = describe(source);
  write_directory_atomic(request.output, [&](const fs::path& folder) {
    StateDict cast = cast_state(opened.state, request.dtype);
    opened.state = StateDict();
    const auto expected = digests(cast);
    if (request.format == ModelFormat::kHuggingFace)
      write_hf(folder, cast, opened, description);
    else
      write_open_clip(folder, cast, opened, description);
    cast = StateDict();
    const detail::OpenedModel again = detail::open_model(folder, "", /*lean=*/true);
    check_tensors(digests(again.state), expected);
    const FixedInputFeatures after = fixed_input_features(again.source.arch, again.state, request.output);
    if (!request.check_file.empty()) save_check(request.check_file, after);
    report.tensors = static_cast<int64_t>(again.state.size());
    report.image_difference = largest_difference(before.images_BD, after.images_BD);
    report.text_difference = largest_difference(before.texts_RD, after.texts_RD);
    if (!(std::max(report.image_difference, report.text_difference) <= report.bound)) {
      std::ostringstream message;
      message << "the check failed: features of the written model differ from those of " << where << " by "
              << report.image_difference << " (images) and " << report.text_difference << " (texts), more than " << report.bound
              << "; nothing is left in " << request.output;
      throw Error(message.str());
    }
  });
  return report;
}

}  // namespace fsc
