// WiSE-FT at the end of a run: a model in training moved along the path from where it started.
#pragma once
#include <filesystem>

#include "fsc/model/clip_model.h"
#include "fsc/tensor/state_dict.h"

namespace fsc::detail {

/// From the start to the weights as they are now. The start of a LoRA model is the one without LoRA: its B are scaled.
class ResultPath {
 public:
  ResultPath(ClipModelImpl& model, const std::filesystem::path& first_checkpoint);
  /// Sets the model's weights; 0 = the start (of LoRA the base, which step 0 is only with init zero), 1 = the end.
  void move_to(double alpha);

 private:
  ClipModelImpl& model_;
  StateDict from_, to_;
};

}  // namespace fsc::detail
