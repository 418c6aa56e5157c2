// The loops of attention over packed sequences as each instruction set offers them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fsc::detail {

/// One head of some sequences. Rows of q, k, v lie `stride` numbers apart, those of out and gradients likewise by theirs.
struct AttentionTask {
  const float* qkv = nullptr;           ///< [M, 3, heads, size]
  float* out = nullptr;                 ///< [M, heads, size]
  float* lse = nullptr;                 ///< [heads, M], log-sum-exp of the scaled scores
  const float* out_gradient = nullptr;  ///< [M, heads, size]; backward only
  float* qkv_gradient = nullptr;        ///< [M, 3, heads, size], zero before; backward only
  const int32_t* offsets = nullptr;     ///< [S + 1]
  const int32_t* keys = nullptr;        ///< [K]; null = the sequence's own tokens
  const int32_t* key_offsets = nullptr;
  int64_t tokens = 0, heads = 0, size = 0, longest = 0;
  int64_t first = 0, last = 0, head = 0;  ///< sequences first ... last - 1 of this head
  bool causal = false;
  float* scratch = nullptr;  ///< scratch_floats(longest, size)
};

struct AttentionLoops {
  void (*forward)(const AttentionTask& task);
  void (*backward)(const AttentionTask& task);
};

constexpr int64_t kAttentionPad = 16;  ///< the widest vector
inline int64_t attention_padded(int64_t n) { return (n + kAttentionPad - 1) / kAttentionPad * kAttentionPad; }
/// Keys and values by rows and by columns, queries, gradients of outputs; scores and their gradients; one row.
inline int64_t attention_scratch(int64_t longest, int64_t size) {
  const int64_t length = attention_padded(longest), width = attention_padded(size);
  return 6 * length * width + 2 * length * length + width;
}

extern const AttentionLoops kAttentionPortable, kAttentionAvx2, kAttentionAvx512;

}  // namespace fsc::detail
