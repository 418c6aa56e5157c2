// Features of fixed made-up images and texts, by which two forms of a model are compared.
#pragma once
#include <torch/types.h>

#include "fsc/model/clip_model.h"

namespace fsc {

struct FixedInputFeatures {
  torch::Tensor images_BD, texts_RD;  ///< normalised, float32
  torch::Tensor pixels_B3SS, ids_RT;  ///< what they are of; the pixels as the model takes them
};

/// Of two images of noise and two texts of drawn tokens, the same for every model of these sizes.
FixedInputFeatures fixed_input_features(ClipModelImpl& model);

/// The same for a model with these weights (open_clip's names), without a copy of them: 16-bit weights stay as they are and are
/// computed with in float32. `source` is named in errors, which are load_state's.
FixedInputFeatures fixed_input_features(const ArchConfig& arch, const StateDict& state, const std::string& source);

/// Largest absolute difference of a component, NaN counting as infinite.
double largest_difference(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace fsc
