// The token-patch alignment as ATen operations.
#pragma once
#include "fsc/kernels/token_patch_alignment.h"

namespace fsc::detail {

torch::Tensor alignment_scores_reference(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_VD,
                                         const torch::Tensor& offsets_R1, const torch::Tensor& owner_R,
                                         const torch::Tensor& scale, SimilarityNormalizer normalizer, bool sparsify);

}  // namespace fsc::detail
