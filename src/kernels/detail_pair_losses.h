// The references of contrastive, sigmoid and hard-negative losses: ATen operations of what the entry functions have checked.
#pragma once
#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"

namespace fsc::detail {

torch::Tensor contrastive_reference(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                                    const WorldColumns& columns, MissingNegatives missing);
torch::Tensor sigmoid_reference(const torch::Tensor& image_BD, const torch::Tensor& text_WD, const torch::Tensor& scale,
                                const torch::Tensor& bias, int64_t offset);
SumAndCount hard_negative_reference(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                                    MissingNegatives missing);

}  // namespace fsc::detail
