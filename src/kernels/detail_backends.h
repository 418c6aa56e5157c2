// What each operation's autograd function asks of a device: forward and backward on plain tensors.
//
// Inputs are contiguous, on one device, of one dtype (float32, bf16 or fp16; sums are float32). Each function has a _cpu and a
// _cuda form of the same signature; a build without CUDA has the latter as an error (no_cuda.cpp).
#pragma once
#include <torch/types.h>

#include <cstdint>

#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"
#include "fsc/kernels/token_patch_alignment.h"

namespace fsc::detail {

// --- token-patch alignment ---

struct AlignmentInputs {
  torch::Tensor patches_BPD, tokens_VD;  ///< one dtype
  torch::Tensor offsets_R1, owner_R;     ///< int64
  torch::Tensor scale;                   ///< float32 0-d, on the device
  SimilarityNormalizer normalizer = SimilarityNormalizer::kMinmax;
  bool sparsify = false;
};
struct AlignmentForward {
  torch::Tensor score_R;  ///< float32
  torch::Tensor kept_VK;  ///< float32, what the backward needs of each token; its columns are the device's own
};
struct AlignmentGradients {
  torch::Tensor patches_BPD, tokens_VD;  ///< of the inputs' dtype
  torch::Tensor scale;                   ///< float32 0-d
};
/// Patches an image that the CUDA kernels have room for.
inline constexpr int64_t kMostAlignmentPatchesCuda = 1088;
AlignmentForward alignment_forward_cpu(const AlignmentInputs& in);
AlignmentGradients alignment_backward_cpu(const AlignmentInputs& in, const AlignmentForward& out,
                                          const torch::Tensor& gradient_R);
AlignmentForward alignment_forward_cuda(const AlignmentInputs& in);
AlignmentGradients alignment_backward_cuda(const AlignmentInputs& in, const AlignmentForward& out,
                                           const torch::Tensor& gradient_R);

// --- contrastive ---

struct ContrastiveInputs {
  torch::Tensor image_BD, text_BD;        ///< one dtype for these and the columns
  torch::Tensor image_WD, text_WD;        ///< undefined = the rows themselves: both directions share one product
  torch::Tensor extra_ED, extra_valid_E;  ///< undefined = none; bool, undefined = all count (a zero row has logit 0)
  int64_t offset = 0;                     ///< where no row has its pair among the columns, beside all of them
  torch::Tensor scale;                    ///< float32 0-d
};
struct ContrastiveForward {
  torch::Tensor loss;                     ///< float32 0-d; says nothing where a row's pair is not there
  torch::Tensor image_lse_B, text_lse_B;  ///< float32, log-sum-exp of each row's logits
};
struct ContrastiveGradients {
  torch::Tensor image_BD, text_BD, image_WD, text_WD, extra_ED;  ///< as the inputs; undefined where those are
  torch::Tensor scale;
};
ContrastiveForward contrastive_forward_cpu(const ContrastiveInputs& in);
/// Of these columns, for log-sum-exps that may be over more than them.
ContrastiveGradients contrastive_backward_cpu(const ContrastiveInputs& in, const ContrastiveForward& out,
                                              const torch::Tensor& gradient);
ContrastiveForward contrastive_forward_cuda(const ContrastiveInputs& in);
ContrastiveGradients contrastive_backward_cuda(const ContrastiveInputs& in, const ContrastiveForward& out,
                                               const torch::Tensor& gradient);

// --- sigmoid ---

struct SigmoidInputs {
  torch::Tensor image_BD, text_WD;  ///< one dtype
  int64_t offset = 0;               ///< as above
  torch::Tensor scale, bias;        ///< float32 0-d
};
struct SigmoidGradients {
  torch::Tensor image_BD, text_WD, scale, bias;
};
torch::Tensor sigmoid_forward_cpu(const SigmoidInputs& in);
SigmoidGradients sigmoid_backward_cpu(const SigmoidInputs& in, const torch::Tensor& gradient);
torch::Tensor sigmoid_forward_cuda(const SigmoidInputs& in);
SigmoidGradients sigmoid_backward_cuda(const SigmoidInputs& in, const torch::Tensor& gradient);

// --- hard negatives ---

struct HardNegativeInputs {
  torch::Tensor logits_BK;  ///< float32
  torch::Tensor valid_BN;   ///< bool
  Calibration calibration;
  bool masked = false;  ///< MissingNegatives::kMasked
};
SumAndCount hard_negative_forward_cpu(const HardNegativeInputs& in);
/// [B, K] float32.
torch::Tensor hard_negative_backward_cpu(const HardNegativeInputs& in, const torch::Tensor& gradient);
SumAndCount hard_negative_forward_cuda(const HardNegativeInputs& in);
torch::Tensor hard_negative_backward_cuda(const HardNegativeInputs& in, const torch::Tensor& gradient);

}  // namespace fsc::detail
