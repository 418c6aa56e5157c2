// CUDA kernels of the contrastive loss: log-sum-exp of rows and columns by tiles, and gradients from tiles computed again.
//
// Forward, each direction: B W D multiply-adds, [parts, B] maxima, sums and labels written. Backward, each gradient of [N, D]:
// twice N M D (once more for every further 512 dimensions), [parts, N, D] floats written and read. Nothing of [B, W]. Features
// are read from L2 once a tile of 64 rows or 128 columns: 43 multiply-adds a byte in bf16, so that tensor cores bound it, not
// memory.
#pragma once
#include "kernels/cuda/detail_pairs.cuh"

namespace fsc::detail {
namespace {

/// Logits of rows that are not there (masked negatives); their gradient is 0.
constexpr float kMaskedLogit = -1e30f;
/// Below every logit, and finite: no minus infinity is taken from another.
constexpr float kNoLogit = -3.4028234663852886e38f;

/// sum = sum exp(logit - maximum), for logits as they come. NaN in, NaN out.
struct RunningSum {
  float maximum = kNoLogit, sum = 0;

  __device__ void add(float logit) { add(logit, 1.f); }
  __device__ void add(float other_maximum, float other_sum) {
    const float before = maximum;
    maximum = fmaxf(maximum, other_maximum);
    sum = sum * expf(before - maximum) + other_sum * expf(other_maximum - maximum);
  }
};

/// What one direction's forward leaves for each row, [parts, padded rows] and [padded rows].
struct SoftmaxParts {
  float* maximum = nullptr;
  float* sum = nullptr;
  float* label = nullptr;  ///< the logit of the row's own column
};

/// Row i belongs to column offset + i; extra columns may be masked.
struct SoftmaxLaw {
  float scale;
  int offset, own_columns;
  const bool* extra_valid;  ///< nullptr = all count
  float* label;
  RunningSum running = {};

  __device__ void see(float cosine, int row, int column) {
    float logit = scale * cosine;
    if (extra_valid && column >= own_columns && !extra_valid[column - own_columns]) logit = kMaskedLogit;
    if (column == row + offset) label[row] = logit;
    running.add(logit);
  }
};

template <class T>
__global__ void __launch_bounds__(kPairThreads, 2)
    softmax_parts(PairGrid<T> grid, const float* scale, int offset, const bool* extra_valid, SoftmaxParts out) {
  FSC_DYNAMIC_SHARED(unsigned char, shared);
  SoftmaxLaw law{*scale, offset, grid.columns.count, extra_valid, out.label};
  see_pairs(grid, shared, law);
  RunningSum& running = law.running;
#pragma unroll
  for (int distance = 1; distance < kPairLanes; distance *= 2) {
    const float maximum = __shfl_xor_sync(0xffffffffu, running.maximum, distance);
    const float sum = __shfl_xor_sync(0xffffffffu, running.sum, distance);
    running.add(maximum, sum);
  }
  if (pair_lane() != 0) return;
  const int at = static_cast<int>(blockIdx.y) * grid.padded_rows() + static_cast<int>(blockIdx.x) * kPairRows + pair_row();
  out.maximum[at] = running.maximum;
  out.sum[at] = running.sum;
}

/// Log-sum-exp and loss of each row, from its parts in their order. One thread a row.
__global__ void softmax_rows(SoftmaxParts parts, int count, int padded_rows, int part_count, float* log_sum_exp, float* loss) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= count) return;
  RunningSum running;
  for (int p = 0; p < part_count; ++p) {
    const int at = p * padded_rows + row;
    running.add(parts.maximum[at], parts.sum[at]);
  }
  log_sum_exp[row] = running.maximum + logf(running.sum);
  loss[row] = log_sum_exp[row] - parts.label[row];
}

/// Which softmaxes a cosine of (row, column) has a part in.
struct ContrastiveSlopes {
  const float* scale = nullptr;
  const float* row_lse = nullptr;     ///< [rows], over the columns: row i belongs to column i + offset. nullptr = none
  const float* column_lse = nullptr;  ///< [columns without the extra ones], over the rows: column j belongs to row j + offset
  const bool* extra_valid = nullptr;  ///< which extra columns exist; nullptr = all
  const bool* row_valid = nullptr;    ///< which rows exist, where the rows are the extra ones; nullptr = all
  int offset = 0;
};

struct ContrastiveLaw {
  ContrastiveSlopes in;
  int own_columns;
  float scale;
  float scale_sum = 0;

  __device__ float slope(float cosine, int row, int column) {
    const bool is_extra = column >= own_columns;
    if (is_extra && in.extra_valid && !in.extra_valid[column - own_columns]) return 0.f;
    if (in.row_valid && !in.row_valid[row]) return 0.f;
    float slope = 0;
    if (in.row_lse) slope += expf(scale * cosine - in.row_lse[row]) - (column == row + in.offset ? 1.f : 0.f);
    if (in.column_lse && !is_extra)
      slope += expf(scale * cosine - in.column_lse[column]) - (row == column + in.offset ? 1.f : 0.f);
    scale_sum += slope * cosine;
    return slope;
  }
};

/// products [parts, padded rows, padded depth]: see multiply_slopes; scale_sums [parts, padded rows], nullptr = not asked for:
/// the sums over columns of slope times cosine.
template <class T>
__global__ void __launch_bounds__(kPairThreads)
    contrastive_slopes(PairGrid<T> grid, ContrastiveSlopes in, float* products, float* scale_sums) {
  FSC_DYNAMIC_SHARED(unsigned char, shared);
  ContrastiveLaw law{in, grid.columns.count, *in.scale};
  multiply_slopes(grid, shared, law, products);
  store_row_sum(grid, law.scale_sum, scale_sums);
}

/// The loss's inputs, gradients and shapes as they lie on the device. Without a world the rows are the columns.
template <class T>
struct ContrastiveArrays {
  const T *image = nullptr, *text = nullptr;              ///< [rows, depth]
  const T *image_world = nullptr, *text_world = nullptr;  ///< [world, depth]; nullptr = none
  const T* extra = nullptr;                               ///< [extra_count, depth]
  const bool* extra_valid = nullptr;                      ///< [extra_count]; nullptr = all
  const float* scale = nullptr;
  int rows = 0, world = 0, extra_count = 0, depth = 0, offset = 0;

  bool alone() const { return image_world == nullptr; }
  PairSide<T> images() const { return {image, nullptr, rows, 0}; }
  PairSide<T> texts() const { return {text, nullptr, rows, 0}; }
  PairSide<T> extras() const { return {extra, nullptr, extra_count, 0}; }
  PairSide<T> world_images() const { return alone() ? images() : PairSide<T>{image_world, nullptr, world, 0}; }
  PairSide<T> world_texts() const { return alone() ? texts() : PairSide<T>{text_world, nullptr, world, 0}; }
  /// What an image is told apart from.
  PairSide<T> candidates() const { return {world_texts().own, extra, world_texts().count, extra_count}; }
};

template <class Out>
struct ContrastiveGradientArrays {
  Out *image = nullptr, *text = nullptr, *image_world = nullptr, *text_world = nullptr, *extra = nullptr;
  float* scale = nullptr;
};

/// image_lse and text_lse [rows], loss [1].
template <class T, class Runner>
void run_contrastive_forward(Runner& run, const ContrastiveArrays<T>& in, float* image_lse, float* text_lse, float* loss) {
  float* losses = run.floats(2 * in.rows);
  const auto direction = [&](const PairSide<T>& rows, const PairSide<T>& columns, float* lse, float* row_losses) {
    if (in.rows == 0) return;
    const auto grid = pair_grid(rows, columns, in.depth, false);
    const size_t size = static_cast<size_t>(grid.parts) * grid.padded_rows();
    const SoftmaxParts parts{run.floats(size), run.floats(size), run.floats(in.rows)};
    run.launch(softmax_parts<T>, dim3(grid.row_tiles, grid.parts), kPairThreads, kPairSharedBytes, grid, in.scale, in.offset,
               in.extra_valid, parts);
    run.launch(softmax_rows, dim3((in.rows + kPairThreads - 1) / kPairThreads), kPairThreads, 0, parts, in.rows,
               grid.padded_rows(), grid.parts, lse, row_losses);
  };
  direction(in.images(), in.candidates(), image_lse, losses);
  direction(in.texts(), in.world_images(), text_lse, losses + in.rows);
  run.launch(sum_values<float>, dim3(1), kSumThreads, 0, losses, static_cast<size_t>(2 * in.rows),
             0.5f / static_cast<float>(in.rows), nullptr, loss);
}

/// The log-sum-exps are the forward's; upstream [1]: the gradient of the loss.
template <class T, class Out, class Runner>
void run_contrastive_backward(Runner& run, const ContrastiveArrays<T>& in, const float* image_lse, const float* text_lse,
                              const float* upstream, const ContrastiveGradientArrays<Out>& out) {
  const float factor = in.rows > 0 ? 0.5f / static_cast<float>(in.rows) : 0.f;
  const auto by_images = pair_grid(in.images(), in.candidates(), in.depth, true);
  const auto by_texts = pair_grid(in.texts(), in.world_images(), in.depth, true);
  const size_t image_sums = static_cast<size_t>(by_images.parts) * by_images.padded_rows();
  const size_t text_sums = in.alone() ? 0 : static_cast<size_t>(by_texts.parts) * by_texts.padded_rows();
  float* scale_sums = run.floats(image_sums + text_sums);

  const auto gradient = [&](const PairGrid<T>& grid, ContrastiveSlopes slopes, Out* to, float* sums) {
    slopes.scale = in.scale;
    run_pair_gradient(run, grid, factor, upstream, in.scale, to, [&](dim3 blocks, float* products) {
      run.launch(contrastive_slopes<T>, blocks, kPairThreads, kPairSharedBytes, grid, slopes, products, sums);
    });
  };
  // Alone, a cosine has its part in the softmax of its row and in that of its column, so that each side is gone through once.
  gradient(
      by_images,
      {.row_lse = image_lse, .column_lse = in.alone() ? text_lse : nullptr, .extra_valid = in.extra_valid, .offset = in.offset},
      out.image, scale_sums);
  gradient(by_texts, {.row_lse = text_lse, .column_lse = in.alone() ? image_lse : nullptr, .offset = in.offset}, out.text,
           in.alone() ? nullptr : scale_sums + image_sums);
  if (!in.alone()) {
    gradient(pair_grid(in.world_texts(), in.images(), in.depth, true), {.column_lse = image_lse, .offset = in.offset},
             out.text_world, nullptr);
    gradient(pair_grid(in.world_images(), in.texts(), in.depth, true), {.column_lse = text_lse, .offset = in.offset},
             out.image_world, nullptr);
  }
  // No image belongs to an extra row: the offset lies beyond them.
  gradient(pair_grid(in.extras(), in.images(), in.depth, true),
           {.column_lse = image_lse, .row_valid = in.extra_valid, .offset = in.extra_count}, out.extra, nullptr);
  run.launch(sum_values<float>, dim3(1), kSumThreads, 0, scale_sums, image_sums + text_sums, factor, upstream, out.scale);
}

}  // namespace
}  // namespace fsc::detail
