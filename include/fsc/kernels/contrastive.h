// The losses over a batch of pairs: symmetric InfoNCE, with NegCLIP's extra columns of negatives, and SigLIP's sigmoid loss.
//
// Fused: products, softmax and sums by tiles; [B, W] is never there. Kept for the backward: a log-sum-exp a row (nothing for the
// sigmoid loss); tiles are computed again. The maximum is a running one: a fixed maximum s would let exp() underflow in float32
// where s = 100 and the best cosine of a row is below 0.13.
// By a ring: the sigmoid loss is a sum over blocks, whose gradients are made in the forward, which goes round once; kept are they
// (2 B D). The contrastive loss goes round again in the backward, when the log-sum-exps are known.
// Shape suffixes: B rows of this process, W rows of all processes, E extra columns, D embedding size.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "fsc/kernels/hard_negative.h"

namespace fsc {

/// The processes as a ring, by which columns come one process after the other: of those of others a process has one block at a
/// time, and what it adds to that block's gradient goes on with it, until it is home.
struct ColumnRing {
  std::vector<int64_t> rows;  ///< of every process
  size_t place = 0;           ///< this process
  /// To the next process; back comes the previous one's tensor, new, of the same shape. All call it in the same order.
  std::function<torch::Tensor(const torch::Tensor&)> pass;
};

/// What an image or a caption is told apart from: the features of all processes, of which these rows are `offset`, `offset` + 1
/// ... A lone process has its own rows as columns.
struct WorldColumns {
  torch::Tensor image_WD = {}, text_WD = {};  ///< unit; undefined = the rows themselves, and what comes by the ring
  torch::Tensor extra_ED = {};       ///< further texts for the images only (NegCLIP's negatives): unit rows, zeros = missing
  torch::Tensor extra_valid_E = {};  ///< bool, which of them exist; needed for MissingNegatives::kMasked
  int64_t offset = 0;                ///< image i belongs to text offset + i of the world
  /// In place of columns side by side; extra columns are then those of these rows, of every process as many a row.
  std::shared_ptr<const ColumnRing> ring = {};
  /// Factor of the loss: these rows / the mean number of rows of a process, so that the mean over processes is over all rows.
  double share = 1;
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
