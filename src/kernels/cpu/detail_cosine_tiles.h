// Walks over the products of rows with columns in tiles, several at a time, none of which share a row or a column.
//
// Step k takes tile (i, i + k) of every i: what is summed up by rows and what is summed up by columns each have one owner at a
// time and are added in the order of the steps, whatever the number of threads.
#pragma once
#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/detail_contrastive.h"

namespace fsc::detail {

/// The loops that run.
const ContrastiveLoops& contrastive_loops();

/// Up to 256, a tile and what it is made of stay in a core's second cache; few rows are cut so that two threads have work, and
/// that a product never is alone: one at a time is what ATen would cut itself, by the number of threads.
inline int64_t tile_extent(int64_t count) {
  return std::clamp<int64_t>((count + 3) / 4, std::clamp<int64_t>((count + 1) / 2, 1, 32), kMostTileColumns);
}

/// Where a tile lies, and which one it is.
struct TilePlace {
  int64_t first_row = 0, first_column = 0, number = 0;
};

/// The tiles of all rows and columns.
struct TileGrid {
  int64_t rows = 0, columns = 0;
  int64_t high = tile_extent(rows), wide = tile_extent(columns);
  int64_t down = (rows + high - 1) / high, across = (columns + wide - 1) / wide;

  TileGrid(int64_t rows, int64_t columns) : rows(rows), columns(columns) {}

  int64_t size() const { return down * across; }
  int64_t stride() const { return (wide + static_cast<int64_t>(kTileStride) - 1) / kTileStride * kTileStride; }
  int64_t columns_of(int64_t j) const { return std::min(wide, columns - j * wide); }
  int64_t rows_of(int64_t i) const { return std::min(high, rows - i * high); }
};

/// Calls f(place, tile) for each tile of rows_RD columns_CD^t, both contiguous float32. Row i's own pair is column own + i.
template <class F>
void for_each_cosine_tile(const torch::Tensor& rows_RD, const torch::Tensor& columns_CD, int64_t own, const F& f) {
  const TileGrid grid(rows_RD.size(0), columns_CD.size(0));
  const int64_t depth = rows_RD.size(1), steps = std::max(grid.down, grid.across);
  const auto& loops = contrastive_loops();
  const auto* rows = rows_RD.const_data_ptr<float>();
  const auto* columns = columns_CD.const_data_ptr<float>();
  const auto transposed = torch::empty({grid.across, depth * grid.stride()}, torch::kFloat32);
  auto* turned = transposed.data_ptr<float>();
  at::parallel_for(0, grid.across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j)
      loops.transpose(columns + j * grid.wide * depth, static_cast<size_t>(grid.columns_of(j)), static_cast<size_t>(depth),
                      turned + j * depth * grid.stride());
  });
  for (int64_t step = 0; step < steps; ++step) {
    at::parallel_for(0, grid.down, 1, [&](int64_t begin, int64_t end) {
      const auto buffer = torch::empty({grid.high, grid.stride()}, torch::kFloat32);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t j = (i + step) % steps;
        if (j >= grid.across) continue;
        const TilePlace place{i * grid.high, j * grid.wide, i * grid.across + j};
        const CosineTile tile{.cosines = buffer.data_ptr<float>(),
                              .rows = static_cast<size_t>(grid.rows_of(i)),
                              .columns = static_cast<size_t>(grid.columns_of(j)),
                              .stride = static_cast<size_t>(grid.stride()),
                              .own = static_cast<int32_t>(own + place.first_row - place.first_column)};
        loops.cosines(tile, rows + place.first_row * depth, turned + j * depth * grid.stride(), static_cast<size_t>(depth));
        f(place, tile);
      }
    });
  }
}

/// gradient_RD += slopes columns, gradient_CD += slopes^t rows, of one tile.
inline void add_gradients(const TilePlace& place, const CosineTile& slopes, const torch::Tensor& rows_RD,
                          const torch::Tensor& columns_CD, const torch::Tensor& gradient_RD, const torch::Tensor& gradient_CD) {
  const int64_t depth = rows_RD.size(1), row = place.first_row * depth, column = place.first_column * depth;
  contrastive_loops().add_gradients(slopes, rows_RD.const_data_ptr<float>() + row, columns_CD.const_data_ptr<float>() + column,
                                    static_cast<size_t>(depth), gradient_RD.data_ptr<float>() + row,
                                    gradient_CD.data_ptr<float>() + column);
}

}  // namespace fsc::detail
