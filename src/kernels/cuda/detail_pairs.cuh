// Rows against columns by tiles: what the losses over all pairs of a batch have in common, forward and backward.
//
// A block owns 64 rows and walks over its part of the columns in tiles of 128; a tile's cosines exist in shared memory only. What
// they mean is a Law: the forward shows it each of them, the backward asks it for the loss's slope and multiplies the slopes with
// the columns. The columns are cut into a fixed number of parts, so that few rows still make enough blocks; parts are added in
// their order.
#pragma once
#include <algorithm>
#include <cstddef>

#include "kernels/cuda/detail_sums.cuh"
#include "kernels/cuda/detail_warp_tile.cuh"

namespace fsc::detail {
namespace {

constexpr int kPairThreads = 256;
constexpr int kPairRows = 64, kPairColumns = 128;     // a tile
constexpr int kPairLanes = kPairThreads / kPairRows;  // threads that share a row of it, neighbours in a warp
constexpr int kPairSeen = kPairColumns / kPairLanes;  // its cosines that one thread looks at
constexpr int kPairChunk = 512;                       // embedding dimensions of which a block keeps the gradient
constexpr int kPairWarpStep = 64;                     // 4 warps across, each 16 columns of every 64
constexpr int kPairPieceBytes = 16, kPairSliceBytes = 128;
constexpr int kPairTileStride = kPairColumns + 4;  // floats; the 4 keep neighbouring rows in different banks

/// Bytes of one of the two stages that are copied to while the other is computed with.
constexpr int kPairStageBytes = (kPairRows + kPairColumns) * (kPairSliceBytes + kPairPieceBytes);
constexpr int kPairSharedBytes = 2 * kPairStageBytes + kPairRows * kPairTileStride * 4;

template <class T>
struct PairTypes {
  static constexpr int kPiece = kPairPieceBytes / sizeof(T);  // elements of one copy
  static constexpr int kSlice = kPairSliceBytes / sizeof(T);  // embedding dimensions of a stage, for cosines
  static constexpr int kSliceStride = kSlice + kPiece;
  static constexpr int kGroup = 32 / sizeof(T);  // columns of a stage, for gradients
  static constexpr int kSlopeStride = kPairColumns + kPiece;
  static constexpr int kGroupStride = kPairChunk + kPiece;
  static_assert(kGroup * kGroupStride * sizeof(T) <= kPairStageBytes, "a stage holds either");
  static_assert(kSlopeStride * sizeof(T) <= kPairTileStride * 4, "slopes take the place of their cosines");
  /// Slopes are within (-2, 2), most are about 1 / columns: in fp16 they are stored times this, or they would vanish.
  static constexpr float kLift = std::is_same_v<T, __half> ? 16384.f : 1.f;
};

/// [count, depth], and further rows of the same depth behind them.
template <class T>
struct PairSide {
  const T* own = nullptr;
  const T* extra = nullptr;
  int count = 0, extra_count = 0;

  __host__ __device__ int total() const { return count + extra_count; }
  /// nullptr beyond the last one.
  __device__ const T* at(int i, int depth) const {
    if (i < count) return own + static_cast<size_t>(i) * depth;
    return i < total() ? extra + static_cast<size_t>(i - count) * depth : nullptr;
  }
};

/// What is multiplied, and how it is cut. blockIdx.x: tile of rows, y: part of the columns, z: chunk of the embedding (backward).
template <class T>
struct PairGrid {
  PairSide<T> rows, columns;
  int depth = 0;
  bool aligned = false;  // every row begins at a multiple of 16 bytes
  int row_tiles = 0, column_tiles = 0, parts = 1, chunks = 1;
  int chunk = 0;  // embedding dimensions of a chunk, a multiple of kPairWarpStep

  __host__ __device__ int padded_rows() const { return row_tiles * kPairRows; }
  __host__ __device__ int padded_depth() const { return chunks * chunk; }
  __device__ int first_tile() const { return part_begin(blockIdx.y); }
  __device__ int last_tile() const { return part_begin(blockIdx.y + 1); }
  __device__ int part_begin(unsigned part) const { return static_cast<int>(static_cast<long long>(part) * column_tiles / parts); }
};

/// Blocks that keep a large device busy; a constant, so that sums do not depend on the device.
constexpr int kPairBlocks = 256;

template <class T>
PairGrid<T> pair_grid(const PairSide<T>& rows, const PairSide<T>& columns, int depth, bool backward) {
  const auto ceil_divide = [](int a, int b) { return (a + b - 1) / b; };
  PairGrid<T> grid{rows, columns, depth};
  const auto address = [](const T* p) { return reinterpret_cast<size_t>(p); };
  grid.aligned = depth * sizeof(T) % kPairPieceBytes == 0 &&
                 (address(rows.own) | address(columns.own) | address(columns.extra)) % kPairPieceBytes == 0;
  grid.row_tiles = ceil_divide(rows.count, kPairRows);
  grid.column_tiles = ceil_divide(columns.total(), kPairColumns);
  if (backward) {
    grid.chunks = ceil_divide(depth, kPairChunk);
    grid.chunk = ceil_divide(ceil_divide(depth, grid.chunks), kPairWarpStep) * kPairWarpStep;
  }
  const int blocks = grid.row_tiles * grid.chunks;
  grid.parts = blocks == 0 ? 1 : std::max(1, std::min(ceil_divide(kPairBlocks, blocks), grid.column_tiles));
  return grid;
}

/// Fills [rows, width] of a stage from dimension `begin` on with rows `first` ... of a side; zeros beyond either's end. width: a
/// multiple of PairTypes<T>::kPiece.
template <class T>
__device__ void stage_rows(T* to, int stride, int rows, int width, const PairSide<T>& side, int first, int begin, int depth,
                           bool aligned) {
  constexpr int kPiece = PairTypes<T>::kPiece;
  const int pieces = width / kPiece;
  for (int p = threadIdx.x; p < rows * pieces; p += kPairThreads) {
    const int row = p / pieces, column = p % pieces * kPiece;
    const T* from = side.at(first + row, depth);
    T* piece = to + row * stride + column;
    if (aligned && from && begin + column < depth) {
      __pipeline_memcpy_async(piece, from + begin + column, kPairPieceBytes);
    } else {
      for (int e = 0; e < kPiece; ++e) {
        const int at = begin + column + e;
        piece[e] = from && at < depth ? from[at] : rounded_to<T>(0.f);
      }
    }
  }
}

/// One of the two stages.
template <class T>
__device__ T* pair_stage(T* stages, int number) {
  return stages + number * (kPairStageBytes / static_cast<int>(sizeof(T)));
}

/// Cosines of one tile to tile [kPairRows, kPairTileStride].
template <class T>
__device__ void pair_products(const PairGrid<T>& grid, int column_tile, T* stages, float* tile) {
  using Types = PairTypes<T>;
  constexpr int kStride = Types::kSliceStride;
  const int warp_row = threadIdx.x / 128 * 32, warp_column = threadIdx.x / 32 % 4 * 16;
  WarpTile<T, 2, kPairColumns / kPairWarpStep, kPairWarpStep> products;
  pipelined((grid.depth + Types::kSlice - 1) / Types::kSlice,
            [&](int i, int number) {
              T* stage = pair_stage(stages, number);
              const int begin = i * Types::kSlice;
              stage_rows(stage, kStride, kPairRows, Types::kSlice, grid.rows, static_cast<int>(blockIdx.x) * kPairRows, begin,
                         grid.depth, grid.aligned);
              stage_rows(stage + kPairRows * kStride, kStride, kPairColumns, Types::kSlice, grid.columns,
                         column_tile * kPairColumns, begin, grid.depth, grid.aligned);
            },
            [&](int, int number) {
              const T* stage = pair_stage(stages, number);
              products.template add<SecondFactor::kColumnsAsRows>(
                  stage + warp_row * kStride, kStride, stage + (kPairRows + warp_column) * kStride, kStride, Types::kSlice);
            });
  products.store(tile + warp_row * kPairTileStride + warp_column, kPairTileStride);
  __syncthreads();
}

/// This thread's row of the block's tile, and the first of its columns in it.
__device__ int pair_row() { return static_cast<int>(threadIdx.x) / kPairLanes; }
__device__ int pair_lane() { return static_cast<int>(threadIdx.x) % kPairLanes; }

/// Shows the law all cosines of this block: law.see(cosine, row, column).
template <class T, class Law>
__device__ void see_pairs(const PairGrid<T>& grid, unsigned char* shared, Law& law) {
  auto* stages = reinterpret_cast<T*>(shared);
  auto* tile = reinterpret_cast<float*>(shared + 2 * kPairStageBytes);
  const int row = static_cast<int>(blockIdx.x) * kPairRows + pair_row();
  for (int t = grid.first_tile(); t < grid.last_tile(); ++t) {
    pair_products(grid, t, stages, tile);
    for (int i = 0; i < kPairSeen; ++i) {
      const int at = pair_lane() + kPairLanes * i, column = t * kPairColumns + at;
      if (row < grid.rows.count && column < grid.columns.total()) law.see(tile[pair_row() * kPairTileStride + at], row, column);
    }
  }
}

/// out [parts, padded rows, padded depth] = sum over the block's columns of kLift slope column, slope = law.slope(cosine, row,
/// column).
template <class T, class Law>
__device__ void multiply_slopes(const PairGrid<T>& grid, unsigned char* shared, Law& law, float* out) {
  using Types = PairTypes<T>;
  auto* stages = reinterpret_cast<T*>(shared);
  auto* tile = reinterpret_cast<float*>(shared + 2 * kPairStageBytes);
  auto* slopes = reinterpret_cast<T*>(tile);
  const int begin = static_cast<int>(blockIdx.z) * grid.chunk, across = grid.chunk / kPairWarpStep;
  const int warp_row = threadIdx.x / 128 * 32, warp_column = threadIdx.x / 32 % 4 * 16;
  const int row = static_cast<int>(blockIdx.x) * kPairRows + pair_row();
  WarpTile<T, 2, kPairChunk / kPairWarpStep, kPairWarpStep> sums;
  for (int t = grid.first_tile(); t < grid.last_tile(); ++t) {
    pair_products(grid, t, stages, tile);
    float slope[kPairSeen];
#pragma unroll
    for (int i = 0; i < kPairSeen; ++i) {
      const int at = pair_lane() + kPairLanes * i, column = t * kPairColumns + at;
      const bool is_pair = row < grid.rows.count && column < grid.columns.total();
      slope[i] = is_pair ? law.slope(tile[pair_row() * kPairTileStride + at], row, column) : 0.f;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kPairSeen; ++i)
      slopes[pair_row() * Types::kSlopeStride + pair_lane() + kPairLanes * i] = rounded_to<T>(slope[i] * Types::kLift);

    const int left = grid.columns.total() - t * kPairColumns, columns = left < kPairColumns ? left : kPairColumns;
    pipelined((columns + Types::kGroup - 1) / Types::kGroup,
              [&](int i, int number) {
                T* stage = pair_stage(stages, number);
                stage_rows(stage, Types::kGroupStride, Types::kGroup, grid.chunk, grid.columns,
                           t * kPairColumns + i * Types::kGroup, begin, grid.depth, grid.aligned);
              },
              [&](int i, int number) {
                const T* stage = pair_stage(stages, number);
                sums.template add<SecondFactor::kDepthAsRows>(slopes + warp_row * Types::kSlopeStride + i * Types::kGroup,
                                                              Types::kSlopeStride, stage + warp_column, Types::kGroupStride,
                                                              Types::kGroup, across);
              });
  }
  const size_t first_row = static_cast<size_t>(blockIdx.y) * grid.padded_rows() + blockIdx.x * kPairRows + warp_row;
  sums.store(out + first_row * grid.padded_depth() + begin + warp_column, grid.padded_depth(), across);
}

/// sums [parts, padded rows] = the sum of what the threads of a row have; nullptr = not asked for. Only blocks of the first chunk
/// write.
template <class T>
__device__ void store_row_sum(const PairGrid<T>& grid, float sum, float* sums) {
#pragma unroll
  for (int distance = 1; distance < kPairLanes; distance *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  if (sums && blockIdx.z == 0 && pair_lane() == 0)
    sums[static_cast<size_t>(blockIdx.y) * grid.padded_rows() + blockIdx.x * kPairRows + pair_row()] = sum;
}

/// gradient [count, depth] = factor first second (sum over the parts of `parts`): one thread an element. The two are numbers on
/// the device, the loss's upstream gradient and the scale.
template <class Out>
__global__ void add_pair_parts(const float* parts, int count, int padded_rows, int padded_depth, int part_count, int depth,
                               float factor, const float* first, const float* second, Out* gradient) {
  const size_t element = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (element >= static_cast<size_t>(count) * depth) return;
  const float* part = parts + element / depth * padded_depth + element % depth;
  float sum = 0;
  for (int p = 0; p < part_count; ++p) sum += part[static_cast<size_t>(p) * padded_rows * padded_depth];
  gradient[element] = rounded_to<Out>(sum * (factor * *first * *second));
}

/// The gradient of grid.rows: kernel(grid, arguments..., products) by tiles, then the parts. A Runner launches kernels one after
/// another, launch(kernel, grid, threads, dynamic shared bytes, arguments...), and lends memory until it is gone, floats(count).
template <class T, class Out, class Runner, class Slopes>
void run_pair_gradient(Runner& run, const PairGrid<T>& grid, float factor, const float* upstream, const float* scale,
                       Out* gradient, const Slopes& slopes) {
  const size_t size = static_cast<size_t>(grid.rows.count) * grid.depth;
  if (size == 0) return;
  float* products = run.floats(static_cast<size_t>(grid.parts) * grid.padded_rows() * grid.padded_depth());
  slopes(dim3(grid.row_tiles, grid.parts, grid.chunks), products);
  run.launch(add_pair_parts<Out>, dim3(static_cast<unsigned>((size + kPairThreads - 1) / kPairThreads)), kPairThreads, 0,
             products, grid.rows.count, grid.padded_rows(), grid.padded_depth(), grid.parts, grid.depth,
             factor / PairTypes<T>::kLift, upstream, scale, gradient);
}

}  // namespace
}  // namespace fsc::detail
