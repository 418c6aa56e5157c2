// The losses over a batch of pairs block by block of columns: what contrastive.cpp and column_ring.cpp have of each other.
#pragma once
#include "fsc/kernels/contrastive.h"
#include "kernels/detail_dispatch.h"

namespace fsc::detail {

// contrastive.cpp

KernelOperation pair_operation(const char* name, const torch::Tensor& image_BD, int64_t columns);
/// Features of one dtype: float32 unless all have the same.
void unify(Tensors& features);
/// The sum over these columns only; image i belongs to text offset + i where there is one.
torch::Tensor sigmoid_of_columns(const torch::Tensor& image_BD, const torch::Tensor& text_CD, const torch::Tensor& scale,
                                 const torch::Tensor& bias, int64_t offset);

// column_ring.cpp: with WorldColumns::ring. `extra_valid_E` is defined where columns are masked.

torch::Tensor contrastive_by_ring(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& extra_ED,
                                  const torch::Tensor& extra_valid_E, const torch::Tensor& scale,
                                  const std::shared_ptr<const ColumnRing>& ring);
/// Times `share`, which all processes' parts of a gradient need before they are added.
torch::Tensor sigmoid_by_ring(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                              const torch::Tensor& bias, const ColumnRing& ring, double share);

}  // namespace fsc::detail
