// The references of contrastive, sigmoid and hard-negative losses: ATen operations of what the entry functions have checked.
#pragma once
#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"
#include "kernels/detail_backends.h"

namespace fsc::detail {

torch::Tensor contrastive_reference(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                                    const WorldColumns& columns, MissingNegatives missing);
/// Of one block of columns, any dtype: the log-sum-exps of its logits (the loss where offset is 0, at home), and the part of the
/// gradients that has to do with it for the log-sum-exps over all blocks. extra_valid_E: which are not masked.
ContrastiveForward contrastive_sums_reference(const ContrastiveInputs& in);
ContrastiveGradients contrastive_gradients_reference(const ContrastiveInputs& in, const ContrastiveForward& out,
                                                     const torch::Tensor& gradient);
torch::Tensor sigmoid_reference(const torch::Tensor& image_BD, const torch::Tensor& text_WD, const torch::Tensor& scale,
                                const torch::Tensor& bias, int64_t offset);
SumAndCount hard_negative_reference(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                                    MissingNegatives missing);

}  // namespace fsc::detail
