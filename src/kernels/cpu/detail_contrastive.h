// What an instruction set does to one tile of cosines of the losses over a batch of pairs; no code.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fsc::detail {

/// Cosines of `rows` rows with `columns` columns; `stride` is a multiple of kTileStride, and what stands behind the columns may
/// be overwritten.
struct CosineTile {
  float* cosines = nullptr;
  size_t rows = 0, columns = 0, stride = 0;
  int32_t own = 0;  ///< the column of row 0's own pair, that of row r is own + r; beside the columns = in another tile
  const float* exists = nullptr;  ///< of each column 1, or 0 = its logit is minus infinity; null = all exist
};
constexpr size_t kTileStride = 16, kMostTileColumns = 256;

/// exp()s that were summed relative to the largest logit so far.
struct RunningSums {
  float* largest = nullptr;  ///< null = not wanted
  float* sum = nullptr;
};

/// Weights of a gradient: d loss / d logit = weight * (exp(logit - row_lse) + exp(logit - column_lse) - [own] own_weight).
struct ContrastiveWeights {
  float scale = 0, weight = 0, own_weight = 0;
  const float *row_lse = nullptr, *column_lse = nullptr;  ///< column_lse null = that addend is not there
};

struct SigmoidSlopes {
  double bias = 0, scale = 0;
};

struct ContrastiveLoops {
  /// Rows of `depth` numbers -> [depth][count, up to a multiple of kTileStride]: what cosines() takes for the columns.
  void (*transpose)(const float* rows, size_t count, size_t depth, float* to);
  void (*cosines)(const CosineTile& tile, const float* rows, const float* transposed_columns, size_t depth);
  /// row_gradients += tile columns, column_gradients += tile^t rows: all of them rows of `depth` numbers.
  void (*add_gradients)(const CosineTile& tile, const float* rows, const float* columns, size_t depth, float* row_gradients,
                        float* column_gradients);
  /// Adds the logits scale * cosine to the sums of each row and, where wanted, of each column.
  void (*add)(const CosineTile& tile, float scale, const RunningSums& rows, const RunningSums& columns);
  /// Puts d loss / d cosine in the cosines' place; the derivative by the scale.
  double (*differentiate)(const CosineTile& tile, const ContrastiveWeights& weights);
  /// The sum of -log sigmoid(+-(scale * cosine + bias)), + for a row's own pair.
  double (*sigmoid)(const CosineTile& tile, float scale, float bias);
  /// Puts weight * d that / d cosine in the cosines' place; the derivatives by bias and scale.
  SigmoidSlopes (*differentiate_sigmoid)(const CosineTile& tile, float scale, float bias, float weight);
};

extern const ContrastiveLoops kContrastivePortable, kContrastiveAvx2, kContrastiveAvx512;

}  // namespace fsc::detail
