// Batches for the CUDA kernels of token-patch alignment, what plain loops in double make of them, and the kernels on the host.
#pragma once
#include "support/cuda_on_host/cuda_on_host.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "kernels/cuda/token_patch_alignment.cuh"

namespace fsc {
namespace {
using cuda_on_host::DeviceBuffer;

struct AlignmentCase {
  std::vector<int> lengths;    ///< tokens of each text
  std::vector<int64_t> owner;  ///< and its image
  int images = 1, patches = 1, depth = 1;
  bool softmax = false, sparsify = false;
  float scale = 10.0f;
  bool unaligned = false;  ///< tokens begin one value off a multiple of 16 bytes

  int tokens() const { return std::accumulate(lengths.begin(), lengths.end(), 0); }
};

/// Values of a batch as the kernels' dtype has them.
struct AlignmentBatch {
  std::vector<double> patches, tokens, score_gradients;
};

struct AlignmentResult {
  std::vector<double> scores, patch_gradients, token_gradients;
  double scale_gradient = 0;
};

template <class T>
AlignmentBatch batch_of(const AlignmentCase& c, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const auto values = [&](size_t count) {
    std::vector<double> made(count);
    for (double& x : made) x = detail::to_float(detail::rounded_to<T>(normal(random)));
    return made;
  };
  AlignmentBatch batch{values(size_t(c.images) * c.patches * c.depth), values(size_t(c.tokens()) * c.depth), {}};
  for (size_t r = 0; r < c.lengths.size(); ++r) batch.score_gradients.push_back(normal(random));
  return batch;
}

double dot(const double* a, const double* b, int count) { return std::inner_product(a, a + count, b, 0.0); }

/// The formula of fsc/kernels/token_patch_alignment.h, text by text, token by token.
AlignmentResult expected(const AlignmentCase& c, const AlignmentBatch& batch) {
  AlignmentResult result{{}, std::vector<double>(batch.patches.size()), std::vector<double>(batch.tokens.size())};
  const int patches = c.patches, depth = c.depth;
  int row = 0;
  for (size_t r = 0; r < c.lengths.size(); ++r) {
    const int count = c.lengths[r];
    const double* images = batch.patches.data() + c.owner[r] * patches * depth;
    std::vector<std::vector<double>> weights, aligned;
    std::vector<double> cosine, aligned_norm, token_norm, aligned_turns, token_turns;
    double total = 0;
    for (int i = 0; i < count; ++i) {
      const double* token = batch.tokens.data() + size_t(row + i) * depth;
      std::vector<double> w(patches), a(depth);
      for (int p = 0; p < patches; ++p) w[p] = dot(token, images + size_t(p) * depth, depth);
      const auto [low, high] = [&] {
        const auto [l, h] = std::minmax_element(w.begin(), w.end());
        return std::pair(*l, *h);
      }();
      for (double& x : w) {
        x = c.softmax ? std::exp(x - high) : low == high ? 1.0 : (x - low) / (high - low);
        if (c.sparsify && !c.softmax && x < 1.0 / patches) x = 0;
      }
      const double sum = std::accumulate(w.begin(), w.end(), 0.0);
      for (int p = 0; p < patches; ++p) {
        w[p] /= sum;
        for (int d = 0; d < depth; ++d) a[d] += w[p] * images[size_t(p) * depth + d];
      }
      aligned_norm.push_back(std::sqrt(dot(a.data(), a.data(), depth)));
      token_norm.push_back(std::sqrt(dot(token, token, depth)));
      // A norm below it counts as this one, a constant.
      aligned_turns.push_back(aligned_norm[i] >= 1e-12);
      token_turns.push_back(token_norm[i] >= 1e-12);
      aligned_norm[i] = std::max(1e-12, aligned_norm[i]);
      token_norm[i] = std::max(1e-12, token_norm[i]);
      cosine.push_back(dot(a.data(), token, depth) / (aligned_norm[i] * token_norm[i]));
      total += std::exp(double(c.scale) * (cosine[i] - 1));
      weights.push_back(w);
      aligned.push_back(a);
    }
    result.scores.push_back(count == 0 ? -1e30 : c.scale + std::log(total));
    for (int i = 0; i < count; ++i) {
      const double* token = batch.tokens.data() + size_t(row + i) * depth;
      const double share = batch.score_gradients[r] * std::exp(double(c.scale) * (cosine[i] - 1)) / total, g = share * c.scale;
      result.scale_gradient += share * cosine[i];
      for (int d = 0; d < depth; ++d) {
        const double t = token[d] / token_norm[i], a = aligned[i][d] / aligned_norm[i];
        result.token_gradients[size_t(row + i) * depth + d] = g / token_norm[i] * (a - token_turns[i] * cosine[i] * t);
        for (int p = 0; p < patches; ++p)
          result.patch_gradients[(c.owner[r] * patches + p) * depth + d] +=
              weights[i][p] * g / aligned_norm[i] * (t - aligned_turns[i] * cosine[i] * a);
      }
    }
    row += count;
  }
  return result;
}

template <class T>
std::vector<double> to_doubles(const DeviceBuffer<T>& buffer) {
  std::vector<double> values;
  for (size_t i = 0; i < buffer.size(); ++i) values.push_back(detail::to_float(buffer[i]));
  return values;
}

/// Device memory of a case, and the kernels on it.
template <class T>
class OnDevice {
 public:
  OnDevice(const AlignmentCase& c, const AlignmentBatch& batch)
      : c_(c),
        patches_("patches", in_dtype(batch.patches)),
        tokens_("tokens", in_dtype(batch.tokens, c.unaligned)),
        score_gradients_("gradients of scores", std::vector<float>(batch.score_gradients.begin(), batch.score_gradients.end())),
        offsets_("offsets", offsets_of(c)),
        owner_("owner", c.owner),
        scale_("scale", std::vector<float>{c.scale}) {}

  AlignmentResult run() {
    for (auto* buffer : {&rows_, &image_begin_}) buffer->poison();
    for (auto* buffer : {&scores_, &cosine_gradients_, &scale_gradients_}) buffer->poison();
    for (auto* buffer : {&patch_gradients_, &token_gradients_}) buffer->poison();
    kept_.poison();
    const auto launch = [](auto kernel, int blocks, size_t bytes, const auto& in) {
      cuda_on_host::launch(kernel, blocks, detail::kThreads, bytes, in);
    };
    detail::launch_alignment_forward(arguments(), launch);
    rows_.poison();
    detail::launch_alignment_backward(arguments(), launch);
    AlignmentResult result{to_doubles(scores_), to_doubles(patch_gradients_), to_doubles(token_gradients_)};
    for (double share : to_doubles(scale_gradients_)) result.scale_gradient += share;
    return result;
  }

 private:
  static std::vector<T> in_dtype(const std::vector<double>& values, bool one_off = false) {
    std::vector<T> made(one_off ? 1 : 0, detail::rounded_to<T>(0));
    for (double x : values) made.push_back(detail::rounded_to<T>(static_cast<float>(x)));
    return made;
  }
  static std::vector<int64_t> offsets_of(const AlignmentCase& c) {
    std::vector<int64_t> offsets = {0};
    for (int length : c.lengths) offsets.push_back(offsets.back() + length);
    return offsets;
  }
  detail::AlignmentArguments<T> arguments() {
    detail::AlignmentArguments<T> in = {};
    in.images = c_.images;
    in.texts = static_cast<int>(c_.lengths.size());
    in.tokens = c_.tokens();
    in.patches = c_.patches;
    in.depth = c_.depth;
    in.softmax = c_.softmax;
    in.threshold = c_.sparsify ? 1.0f / static_cast<float>(c_.patches) : 0.0f;
    in.vectors = !c_.unaligned && c_.depth * sizeof(T) % 16 == 0;
    in.offsets_R1 = offsets_.data();
    in.owner_R = owner_.data();
    in.scale = scale_.data();
    in.rows_V = rows_.data();
    in.image_begin_B1 = image_begin_.data();
    in.kept_V = kept_.data();
    in.score_R = scores_.data();
    in.score_gradient_R = score_gradients_.data();
    in.cosine_gradient_V = cosine_gradients_.data();
    in.scale_gradient_R = scale_gradients_.data();
    in.patches_BPD = patches_.data();
    in.tokens_VD = tokens_.data() + (c_.unaligned ? 1 : 0);
    in.patch_gradients_BPD = patch_gradients_.data();
    in.token_gradients_VD = token_gradients_.data();
    return in;
  }

  const AlignmentCase& c_;
  DeviceBuffer<T> patches_, tokens_;
  DeviceBuffer<float> score_gradients_;
  DeviceBuffer<int64_t> offsets_, owner_;
  DeviceBuffer<float> scale_;
  DeviceBuffer<int> rows_{"rows", size_t(c_.tokens())}, image_begin_{"image_begin", size_t(c_.images) + 1};
  DeviceBuffer<detail::KeptOfToken> kept_{"kept", size_t(c_.tokens())};
  DeviceBuffer<float> scores_{"scores", c_.lengths.size()}, cosine_gradients_{"gradients of cosines", size_t(c_.tokens())};
  DeviceBuffer<float> scale_gradients_{"gradients of scale", c_.lengths.size()};
  DeviceBuffer<T> patch_gradients_{"gradients of patches", size_t(c_.images) * c_.patches* c_.depth};
  DeviceBuffer<T> token_gradients_{"gradients of tokens", size_t(c_.tokens()) * c_.depth};
};

}  // namespace
}  // namespace fsc
