// The losses of CLIP, NegCLIP and FSC-CLIP as pure functions of tensors (docs/numerics.md has the formulas).
// Shape suffixes: B images, N negatives a caption, K = 1 + N classes, R texts, T text tokens, P patches, D embedding size.
#pragma once
#include <torch/types.h>

#include <cstdint>

namespace fsc {

/// loss.missing_negatives: what stands in the softmax for a negative that does not exist.
enum class MissingNegatives {
  kReference,  ///< logit 0, it stays in the denominator: what the published numbers used
  kMasked,     ///< minus infinity: it is not there
};
/// loss.similarity_normalizer: how token-patch similarities become weights over patches.
enum class SimilarityNormalizer { kMinmax, kSoftmax };

/// Selective calibrated regularisation (paper section 3.3): focal exponent and label smoothing.
struct Calibration {
  double focal_gamma = 2.0;
  double label_smoothing = 0.02;
};

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

/// A mean that is not divided yet, so that several processes may add theirs.
struct SumAndCount {
  torch::Tensor sum;    ///< 0-d, with graph
  torch::Tensor count;  ///< 0-d int64: rows that count
  /// 0 (with graph) when no row counts.
  torch::Tensor mean() const { return sum / count.clamp_min(1); }
};

/// (1+N)-way loss with column 0 the truth: -sum_c y_c (1-p_c)^gamma log p_c with y_0 = 1-beta+beta/n, y_c = beta/n over the
/// n = 1 + valid negatives, 0 for missing ones; the sum over rows with a valid negative, and how many those are.
/// logits_BK; valid_BN bool. Serves global and local scores.
SumAndCount hard_negative_loss(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                               MissingNegatives missing = MissingNegatives::kReference);

/// s <I_i, [T_i, n_i1 ... n_iN]>; missing negatives get 0. rows_BN int64: row of text_RD for each negative, -1 = missing;
/// captions are rows caption_B. -> [B,1+N].
torch::Tensor global_hn_logits(const torch::Tensor& image_BD, const torch::Tensor& text_RD, const torch::Tensor& caption_B,
                               const torch::Tensor& rows_BN, const torch::Tensor& scale);

/// Local score of each text against its own image (paper section 3.2): patches are pooled for every token with weights from
/// token-patch similarities (no gradient through the weights), then logsumexp over valid tokens of s cos(pooled, token).
/// image_tokens_BPD and text_tokens_RTD un-normalised; valid_RT bool (EOT valid, SOT and padding not); owner_R int64.
/// Flat rows (max = min) get uniform weights where the reference yields NaN. -> [R].
torch::Tensor local_scores(const torch::Tensor& image_tokens_BPD, const torch::Tensor& text_tokens_RTD,
                           const torch::Tensor& valid_RT, const torch::Tensor& owner_R, const torch::Tensor& scale,
                           SimilarityNormalizer normalizer, bool sparsify);

/// [B,1+N] from per-text scores; missing = 0. Gathers scores_R by caption_B and rows_BN.
torch::Tensor scores_to_logits(const torch::Tensor& scores_R, const torch::Tensor& caption_B, const torch::Tensor& rows_BN);

}  // namespace fsc
