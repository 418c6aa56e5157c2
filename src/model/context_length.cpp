// The official code's two ways with text positions: cut when there are too many, interpolated when there are too few.
#include "fsc/model/context_length.h"

#include <ATen/ops/upsample_linear1d.h>
#include <torch/utils.h>

namespace fsc {

torch::Tensor interpolate_context(const torch::Tensor& embedding_TW, int64_t length) {
  const torch::Tensor embedding = embedding_TW.to(torch::kFloat32);
  return at::upsample_linear1d(embedding.t().unsqueeze(0), {length}, /*align_corners=*/false).squeeze(0).t();
}

StateDict with_context_length(const StateDict& state, int64_t length, std::vector<std::string>& notes) {
  const torch::NoGradGuard no_graph;
  StateDict result;
  result.metadata = state.metadata;
  for (const auto& [name, tensor] : state.entries()) {
    const bool positions = name == "positional_embedding" || name == "text.positional_embedding";
    if (!positions || tensor.size(0) == length) {
      result.add(name, tensor);
      continue;
    }
    const bool cut = tensor.size(0) > length;
    notes.push_back("text position embedding " + std::string(cut ? "cut" : "interpolated") + " from " +
                    std::to_string(tensor.size(0)) + " to " + (cut ? "its first " : "") + std::to_string(length) + " positions");
    result.add(name, cut ? tensor.slice(0, 0, length) : interpolate_context(tensor, length));
  }
  return result;
}

}  // namespace fsc
