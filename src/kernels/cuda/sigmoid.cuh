// CUDA kernels of the sigmoid loss: -log sigmoid of all pairs by tiles, and gradients from tiles computed again.
//
// Forward: B W D multiply-adds, [parts, B] floats written. Backward, each gradient of [N, D]: as of the contrastive loss.
#pragma once
#include "kernels/cuda/detail_pairs.cuh"

namespace fsc::detail {
namespace {

struct SigmoidPairs {
  const float* scale = nullptr;
  const float* bias = nullptr;
  int offset = 0;
  bool swapped =
      false;  ///< rows are the world's texts, columns the images: column j belongs to row j + offset, not row i to i + offset

  __device__ bool is_own(int row, int column) const { return swapped ? row == column + offset : column == row + offset; }
};

struct SigmoidLaw {
  SigmoidPairs in;
  float scale, bias;
  float loss = 0, scale_sum = 0, bias_sum = 0;

  /// The logit times -1 where the pair is right: the loss is log(1 + exp()) of it.
  __device__ float wrongness(float cosine, bool own) const {
    const float logit = scale * cosine + bias;
    return own ? -logit : logit;
  }
  __device__ void see(float cosine, int row, int column) {
    const float wrong = wrongness(cosine, in.is_own(row, column));
    loss += (wrong < 0 ? 0.f : wrong) + log1pf(expf(-fabsf(wrong)));
  }
  __device__ float slope(float cosine, int row, int column) {
    const bool own = in.is_own(row, column);
    const float probability = 1.f / (1.f + expf(-wrongness(cosine, own))), slope = own ? -probability : probability;
    scale_sum += slope * cosine;
    bias_sum += slope;
    return slope;
  }
};

/// loss [parts, padded rows]
template <class T>
__global__ void __launch_bounds__(kPairThreads, 2) sigmoid_losses(PairGrid<T> grid, SigmoidPairs in, float* loss) {
  FSC_DYNAMIC_SHARED(unsigned char, shared);
  SigmoidLaw law{in, *in.scale, *in.bias};
  see_pairs(grid, shared, law);
  store_row_sum(grid, law.loss, loss);
}

/// products: see multiply_slopes; scale_sums and bias_sums [parts, padded rows], nullptr = not asked for.
template <class T>
__global__ void __launch_bounds__(kPairThreads)
    sigmoid_slopes(PairGrid<T> grid, SigmoidPairs in, float* products, float* scale_sums, float* bias_sums) {
  FSC_DYNAMIC_SHARED(unsigned char, shared);
  SigmoidLaw law{in, *in.scale, *in.bias};
  multiply_slopes(grid, shared, law, products);
  store_row_sum(grid, law.scale_sum, scale_sums);
  store_row_sum(grid, law.bias_sum, bias_sums);
}

/// The loss's inputs as they lie on the device: image i belongs to text offset + i.
template <class T>
struct SigmoidArrays {
  const T* image = nullptr;  ///< [rows, depth]
  const T* text = nullptr;   ///< [columns, depth]
  const float *scale = nullptr, *bias = nullptr;
  int rows = 0, columns = 0, depth = 0, offset = 0;

  PairSide<T> images() const { return {image, nullptr, rows, 0}; }
  PairSide<T> texts() const { return {text, nullptr, columns, 0}; }
};

template <class Out>
struct SigmoidGradientArrays {
  Out *image = nullptr, *text = nullptr;
  float *scale = nullptr, *bias = nullptr;
};

/// loss [1].
template <class T, class Runner>
void run_sigmoid_forward(Runner& run, const SigmoidArrays<T>& in, float* loss) {
  const auto grid = pair_grid(in.images(), in.texts(), in.depth, false);
  const size_t size = static_cast<size_t>(grid.parts) * grid.padded_rows();
  float* losses = run.floats(size);
  if (in.rows > 0)
    run.launch(sigmoid_losses<T>, dim3(grid.row_tiles, grid.parts), kPairThreads, kPairSharedBytes, grid,
               SigmoidPairs{in.scale, in.bias, in.offset, false}, losses);
  run.launch(sum_values<float>, dim3(1), kSumThreads, 0, losses, size, 1.f / static_cast<float>(in.rows), nullptr, loss);
}

/// upstream [1]: the gradient of the loss.
template <class T, class Out, class Runner>
void run_sigmoid_backward(Runner& run, const SigmoidArrays<T>& in, const float* upstream, const SigmoidGradientArrays<Out>& out) {
  const float factor = in.rows > 0 ? 1.f / static_cast<float>(in.rows) : 0.f;
  const auto by_images = pair_grid(in.images(), in.texts(), in.depth, true);
  const size_t size = static_cast<size_t>(by_images.parts) * by_images.padded_rows();
  float *scale_sums = run.floats(size), *bias_sums = run.floats(size);
  const auto gradient = [&](const PairGrid<T>& grid, bool swapped, Out* to, float* scale_to, float* bias_to) {
    run_pair_gradient(run, grid, factor, upstream, in.scale, to, [&](dim3 blocks, float* products) {
      run.launch(sigmoid_slopes<T>, blocks, kPairThreads, kPairSharedBytes, grid,
                 SigmoidPairs{in.scale, in.bias, in.offset, swapped}, products, scale_to, bias_to);
    });
  };
  gradient(by_images, false, out.image, scale_sums, bias_sums);
  gradient(pair_grid(in.texts(), in.images(), in.depth, true), true, out.text, nullptr, nullptr);
  run.launch(sum_values<float>, dim3(1), kSumThreads, 0, scale_sums, size, factor, upstream, out.scale);
  run.launch(sum_values<float>, dim3(1), kSumThreads, 0, bias_sums, size, factor, upstream, out.bias);
}

}  // namespace
}  // namespace fsc::detail
