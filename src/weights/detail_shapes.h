// Architecture from the shapes of the tensors.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fsc/model/arch_config.h"
#include "fsc/tensor/state_dict.h"

namespace fsc::detail {

struct InferredArch {
  /// Sizes as the shapes say; of the heads only what `heads_known` promises. quick_gelu is false and means nothing.
  ArchConfig arch;
  bool heads_known = false;                  ///< the shapes are those of a known architecture
  std::vector<std::string> candidates = {};  ///< known architectures of these shapes, both activations
};

/// From open_clip's names (to_open_clip_names); nothing when tensors that tell a size are missing or have no sense.
std::optional<InferredArch> infer_arch(const StateDict& state);

}  // namespace fsc::detail
