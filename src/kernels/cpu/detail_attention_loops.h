// Attention over packed sequences, one head of one sequence at a time: all its numbers lie in the first-level cache.
//
// Each attention_*.cpp includes this once. No sum runs across the lanes of a vector except over keys: products are added key by
// key and number by number in order, so that a token's result does not depend on what is packed beside it.
#pragma once
#include "fsc/core/vector.h"
#include "kernels/cpu/detail_attention.h"
#include "kernels/cpu/detail_math.h"

namespace fsc::detail {
namespace {

/// The tokens of one sequence and where a head's numbers stand in scratch memory, rows padded with zeros.
struct Head {
  const AttentionTask& task;
  int64_t begin, own, keys, width, length;  ///< first own row; own tokens; keys; size and keys rounded up to vectors
  const int32_t* rows;                      ///< of the keys; null = begin, begin + 1 ...
  float *k, *v, *k_columns, *v_columns;
  float *queries, *out_gradients;   ///< [own, width]; forward: one row of the first
  float *scores, *score_gradients;  ///< [own, length]; forward: one row of the first
  float* row_gradient;              ///< [width]

  Head(const AttentionTask& t, int64_t s) : task(t) {
    begin = t.offsets[s], own = t.offsets[s + 1] - begin;
    rows = t.keys ? t.keys + t.key_offsets[s] : nullptr;
    keys = t.keys ? t.key_offsets[s + 1] - t.key_offsets[s] : own;
    width = attention_padded(t.size), length = attention_padded(keys);
    float* next = t.scratch;
    const auto take = [&next](int64_t count) { return (next += count) - count; };
    k = take(length * width), v = take(length * width), k_columns = take(length * width), v_columns = take(length * width);
    queries = take(length * width), out_gradients = take(length * width);
    scores = take(length * length), score_gradients = take(length * length), row_gradient = take(width);
  }

  int64_t row(int64_t key) const { return rows ? rows[key] : begin + key; }
  /// Numbers of query (0), key (1) or value (2) of a token.
  int64_t at(int64_t token, int64_t which) const { return ((token * 3 + which) * task.heads + task.head) * task.size; }
  int64_t at_out(int64_t token) const { return (token * task.heads + task.head) * task.size; }
  /// Keys that own token i sees.
  int64_t seen(int64_t i) const { return task.causal ? keys - own + i + 1 : keys; }
  float scale() const { return 1.0F / __builtin_sqrtf(static_cast<float>(task.size)); }
};

inline void copy_padded(const float* from, int64_t size, int64_t width, float* to) {
  for (int64_t c = 0; c < size; ++c) to[c] = from[c];
  for (int64_t c = size; c < width; ++c) to[c] = 0;
}

/// Keys or values of a head, by rows and by columns.
inline void gather(const Head& h, int64_t which, float* by_rows, float* by_columns) {
  for (int64_t i = 0; i < h.length * h.width; ++i) by_columns[i] = 0;
  for (int64_t j = 0; j < h.keys; ++j) {
    copy_padded(h.task.qkv + h.at(h.row(j), which), h.task.size, h.width, by_rows + j * h.width);
    for (int64_t c = 0; c < h.task.size; ++c) by_columns[c * h.length + j] = by_rows[j * h.width + c];
  }
}

/// out[0 ... columns - 1] = sum over i of factors[i * stride] times row i; columns is a whole number of kAttentionPad.
inline void combine(const float* factors, int64_t stride, const float* rows, int64_t count, int64_t columns, float* out) {
  constexpr int64_t kStep = static_cast<int64_t>(kLanes), kBlock = kAttentionPad / kStep;
  for (int64_t c = 0; c < columns; c += kAttentionPad) {
    Vector sums[kBlock] = {};
    for (int64_t i = 0; i < count; ++i)
      for (int64_t b = 0; b < kBlock; ++b) sums[b] += load(rows + i * columns + c + b * kStep) * factors[i * stride];
    for (int64_t b = 0; b < kBlock; ++b) store(out + c + b * kStep, sums[b]);
  }
}

/// exp(scores - shift) in the first `seen` places of a row of scores, zeros behind. The sum of them.
inline float exponentials(const Head& h, int64_t seen, float shift, float* scores) {
  constexpr int64_t kStep = static_cast<int64_t>(kLanes);
  for (int64_t j = 0; j < h.length; j += kStep) store(scores + j, exponential(load(scores + j) - shift));
  for (int64_t j = seen; j < h.length; ++j) scores[j] = 0;
  float sum = 0;
  for (int64_t j = 0; j < seen; ++j) sum += scores[j];
  return sum;
}

/// The scaled query of own token i into `query`, and its scores against all keys.
inline void score(const Head& h, int64_t i, float* query, float* scores) {
  copy_padded(h.task.qkv + h.at(h.begin + i, 0), h.task.size, h.width, query);
  const float scale = h.scale();
  for (int64_t c = 0; c < h.task.size; ++c) query[c] *= scale;
  combine(query, 1, h.k_columns, h.task.size, h.length, scores);
}

void attention_forward(const AttentionTask& task) {
  for (int64_t s = task.first; s < task.last; ++s) {
    const Head h(task, s);
    if (h.own == 0) continue;
    gather(h, 1, h.k, h.k_columns);
    gather(h, 2, h.v, h.v_columns);
    float *query = h.queries, *scores = h.scores, *mixed = h.row_gradient;
    for (int64_t i = 0; i < h.own; ++i) {
      const int64_t seen = h.seen(i);
      score(h, i, query, scores);
      float highest = scores[0];
      for (int64_t j = 1; j < seen; ++j) highest = scores[j] > highest ? scores[j] : highest;
      const float sum = exponentials(h, seen, highest, scores);
      combine(scores, 1, h.v, seen, h.width, mixed);
      float* out = task.out + h.at_out(h.begin + i);
      for (int64_t c = 0; c < task.size; ++c) out[c] = mixed[c] / sum;
      task.lse[task.head * task.tokens + h.begin + i] = highest + __builtin_logf(sum);
    }
  }
}

/// Adds the gradients of a head's keys (1) or values (2), which may be those of other sequences too: of each key the sum over the
/// own tokens that see it, times what stands in `rows` for them.
inline void add_gradient(const Head& h, int64_t which, const float* factors, const float* rows) {
  for (int64_t j = 0; j < h.keys; ++j) {
    const int64_t first = h.task.causal && j > h.keys - h.own ? j - (h.keys - h.own) : 0;
    combine(factors + first * h.length + j, h.length, rows + first * h.width, h.own - first, h.width, h.row_gradient);
    float* to = h.task.qkv_gradient + h.at(h.row(j), which);
    for (int64_t c = 0; c < h.task.size; ++c) to[c] += h.row_gradient[c];
  }
}

void attention_backward(const AttentionTask& task) {
  for (int64_t s = task.first; s < task.last; ++s) {
    const Head h(task, s);
    if (h.own == 0) continue;
    gather(h, 1, h.k, h.k_columns);
    gather(h, 2, h.v, h.v_columns);
    for (int64_t i = 0; i < h.own; ++i) {
      const int64_t seen = h.seen(i);
      float *p = h.scores + i * h.length, *dp = h.score_gradients + i * h.length, *out = h.out_gradients + i * h.width;
      score(h, i, h.queries + i * h.width, p);
      exponentials(h, seen, task.lse[task.head * task.tokens + h.begin + i], p);
      copy_padded(task.out_gradient + h.at_out(h.begin + i), task.size, h.width, out);
      // Softmax: d score_j = p_j (d p_j - sum_u p_u d p_u).
      combine(out, 1, h.v_columns, task.size, h.length, dp);
      float mean = 0;
      for (int64_t j = 0; j < seen; ++j) mean += p[j] * dp[j];
      for (int64_t j = 0; j < h.length; ++j) dp[j] = p[j] * (dp[j] - mean);
      combine(dp, 1, h.k, seen, h.width, h.row_gradient);
      float* gradient = task.qkv_gradient + h.at(h.begin + i, 0);
      for (int64_t c = 0; c < task.size; ++c) gradient[c] = h.row_gradient[c] * h.scale();
    }
    add_gradient(h, 1, h.score_gradients, h.queries);
    add_gradient(h, 2, h.scores, h.out_gradients);
  }
}

}  // namespace
}  // namespace fsc::detail
