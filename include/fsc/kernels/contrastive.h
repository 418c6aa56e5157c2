// The losses over a batch of pairs: symmetric InfoNCE, with NegCLIP's extra columns of negatives, and SigLIP's sigmoid loss.
//
// Fused: products, softmax and sums by tiles; [B, W] is never there. Kept for the backward: a log-sum-exp a row (nothing for the
// sigmoid loss); tiles are computed again. The maximum is a running one: a fixed maximum s would let exp() underflow in float32
// where s = 100 and the best cosine of a row is below 0.13.
// Shape suffixes: B rows of this process, W rows of all processes, E extra columns, D embedding size.
#pragma once
#include <torch/types.h>

#include <cstdint>

#include "fsc/kernels/hard_negative.h"

namespace fsc {

/// What an image or a caption is told apart from: the features of all processes, of which these rows are `offset`, `offset` + 1
/// ... A lone process has its own rows as columns.
struct WorldColumns {
  torch::Tensor image_WD = {}, text_WD = {};  ///< unit; undefined = the rows themselves
  torch::Tensor extra_ED = {};       ///< further texts for the images only (NegCLIP's negatives): unit rows, zeros = missing
  torch::Tensor extra_valid_E = {};  ///< bool, which of them exist; needed for MissingNegatives::kMasked
  int64_t offset = 0;                ///< image i belongs to text offset + i of the world
};

/// Symmetric InfoNCE: 1/2 (CE(s I T_W^t) + CE(s T I_W^t)), the mean over these rows; image i belongs to text i.
/// image_BD, text_BD: unit features. scale: exp(logit_scale), a 0-d tensor. -> scalar.
torch::Tensor contrastive_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                               const WorldColumns& columns = {}, MissingNegatives missing = MissingNegatives::kReference);

/// Sigmoid loss (SigLIP): every pair on its own, 1/B sum over i, j of -log sigmoid(z_ij (s <I_i, T_j> + b)) with z = 1 where
/// i + offset = j and -1 elsewhere; j runs over the world's texts. image_BD, text_BD: unit features; scale: exp(logit_scale),
/// bias: logit_bias, 0-d tensors. -> scalar.
torch::Tensor sigmoid_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                           const torch::Tensor& bias, const WorldColumns& columns = {});

}  // namespace fsc
