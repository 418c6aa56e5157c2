// Multi-head self-attention over packed sequences.
//
//   out_t = sum_u softmax_u(<q_t, k_u> / sqrt(W / heads)) v_u     over the keys u of t's sequence (up to t where causal), head by
//   head
//
// Uniform sequences go through ATen's scaled_dot_product_attention. Packed ones: on the CPU by sequence and head, nothing of size
// [T, T] or padded to the longest; kept for the backward are the output and a log-sum-exp a token and head. On CUDA ATen's
// attention of varying lengths. Tolerance against the reference (scaled_dot_product_attention sequence by sequence): 1e-5 in
// float32.
#pragma once
#include <torch/types.h>

#include "fsc/tensor/sequences.h"

namespace fsc {

/// qkv_M3W [M, 3W]: queries, keys and values side by side, float32, bf16, fp16 or float64 -> [M, W] of the same dtype.
torch::Tensor attention(const torch::Tensor& qkv_M3W, const Sequences& sequences, int64_t heads);

}  // namespace fsc
