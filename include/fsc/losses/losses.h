// The losses of CLIP, NegCLIP and FSC-CLIP as pure functions of tensors: those of the kernels, and the logits that go into them
// (docs/numerics.md has the formulas).
// Shape suffixes: B images, N negatives a caption, K = 1 + N classes, R texts, D embedding size.
#pragma once
#include <torch/types.h>

#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"
#include "fsc/kernels/token_patch_alignment.h"

namespace fsc {

/// s <I_i, [T_i, n_i1 ... n_iN]>; missing negatives get 0. rows_BN int64: row of text_RD for each negative, -1 = missing;
/// captions are rows caption_B. -> [B,1+N].
torch::Tensor global_hn_logits(const torch::Tensor& image_BD, const torch::Tensor& text_RD, const torch::Tensor& caption_B,
                               const torch::Tensor& rows_BN, const torch::Tensor& scale);

/// [B,1+N] from per-text scores; missing = 0. Gathers scores_R by caption_B and rows_BN.
torch::Tensor scores_to_logits(const torch::Tensor& scores_R, const torch::Tensor& caption_B, const torch::Tensor& rows_BN);

}  // namespace fsc
