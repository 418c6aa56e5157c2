// Interpolates between two sets of parameters of one model.
#include "train/detail_result_path.h"

#include "fsc/model/lora.h"
#include "fsc/weights/interpolate.h"
#include "train/detail_store.h"

namespace fsc::detail {

ResultPath::ResultPath(ClipModelImpl& model, const std::filesystem::path& first_checkpoint) : model_(model) {
  const StateDict now = state_dict(model), lora = lora_state(model);
  for (const auto& [name, tensor] : now.entries())
    to_.add(name, tensor.to(torch::kCPU, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true));
  if (lora.size() == 0) {
    from_ = checkpoint_weights(first_checkpoint);
    return;
  }
  for (const auto& [name, tensor] : to_.entries()) from_.add(name, name.ends_with("lora_B") ? torch::zeros_like(tensor) : tensor);
}

void ResultPath::move_to(double alpha) {
  const StateDict mixed = interpolate(from_, to_, alpha);
  const torch::NoGradGuard no_graph;
  for (auto& parameter : model_.named_parameters()) parameter.value().copy_(*mixed.find(parameter.key()));
}

}  // namespace fsc::detail
