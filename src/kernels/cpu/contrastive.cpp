// Symmetric InfoNCE on the CPU: log-sum-exp of rows and columns from one product a tile, gradients from the tile once more.
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "kernels/cpu/detail_cosine_tiles.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

torch::Tensor plain_float32(const torch::Tensor& x) { return x.detach().to(torch::kFloat32); }

/// Beside all columns: a row's own pair is not among them.
int64_t no_pair(const torch::Tensor& rows_RD, const torch::Tensor& columns_CD) { return -rows_RD.size(0) - columns_CD.size(0); }

/// Sums of exp() of logits, relative to the largest, and the logit of a row's own pair.
struct RowSums {
  std::vector<float> largest, sum, own;

  explicit RowSums(int64_t rows)
      : largest(static_cast<size_t>(rows), kNothing), sum(static_cast<size_t>(rows)), own(static_cast<size_t>(rows)) {}

  RunningSums from(int64_t first) { return {largest.data() + first, sum.data() + first}; }

  /// Puts the log-sum-exps into lse_B; the sum over rows of -log p(own).
  double finish(const torch::Tensor& lse_B) const {
    float* lse = lse_B.data_ptr<float>();
    double loss = 0;
    for (size_t r = 0; r < sum.size(); ++r) {
      const float log_sum = std::log(sum[r]);
      lse[r] = largest[r] + log_sum;
      loss += static_cast<double>((largest[r] - own[r]) + log_sum);  // lse - own would lose what a sure row has left
    }
    return loss;
  }
};

/// Adds the logits of all rows with these columns; to `by_column` too where both directions share them.
void add_logits(const torch::Tensor& rows_RD, const torch::Tensor& columns_CD, const float* exists, float scale,
                std::optional<int64_t> own, RowSums& by_row, RowSums* by_column) {
  const int64_t pair = own.value_or(no_pair(rows_RD, columns_CD));
  for_each_cosine_tile(rows_RD, columns_CD, pair, [&](const TilePlace& place, CosineTile tile) {
    if (exists) tile.exists = exists + place.first_column;
    for (size_t r = 0; r < tile.rows; ++r) {
      const int64_t column = tile.own + static_cast<int64_t>(r);
      if (column < 0 || column >= static_cast<int64_t>(tile.columns)) continue;
      const float logit = scale * tile.cosines[r * tile.stride + static_cast<size_t>(column)];
      by_row.own[static_cast<size_t>(place.first_row) + r] = logit;
      if (by_column) by_column->own[static_cast<size_t>(place.first_column + column)] = logit;
    }
    contrastive_loops().add(tile, scale, by_row.from(place.first_row),
                            by_column ? by_column->from(place.first_column) : RunningSums{});
  });
}

/// Features as float32, whatever they came as.
struct Plain {
  torch::Tensor image_BD, text_BD, image_WD, text_WD, extra_ED, exists_E;
  float scale = 0;

  explicit Plain(const ContrastiveInputs& in)
      : image_BD(plain_float32(in.image_BD)), text_BD(plain_float32(in.text_BD)), scale(in.scale.item<float>()) {
    if (in.image_WD.defined()) image_WD = plain_float32(in.image_WD), text_WD = plain_float32(in.text_WD);
    if (in.extra_ED.defined()) extra_ED = plain_float32(in.extra_ED);
    if (in.extra_valid_E.defined()) exists_E = plain_float32(in.extra_valid_E);
  }
  bool alone() const { return !image_WD.defined(); }
  const float* exists() const { return exists_E.defined() ? exists_E.data_ptr<float>() : nullptr; }
};

/// One product and the gradients that come from it.
struct Slopes {
  const torch::Tensor &rows_RD, &columns_CD;
  torch::Tensor &gradient_RD, &gradient_CD;
  ContrastiveWeights weights = {};
  std::optional<int64_t> own = {};
  const float* exists = nullptr;

  /// The derivative by the scale.
  double add() const {
    std::vector<double> by_scale(static_cast<size_t>(TileGrid(rows_RD.size(0), columns_CD.size(0)).size()));
    const int64_t pair = own.value_or(no_pair(rows_RD, columns_CD));
    for_each_cosine_tile(rows_RD, columns_CD, pair, [&](const TilePlace& place, CosineTile tile) {
      if (exists) tile.exists = exists + place.first_column;
      ContrastiveWeights here = weights;
      here.row_lse += place.first_row;
      if (here.column_lse) here.column_lse += place.first_column;
      by_scale[static_cast<size_t>(place.number)] = contrastive_loops().differentiate(tile, here);
      add_gradients(place, tile, rows_RD, columns_CD, gradient_RD, gradient_CD);
    });
    return std::accumulate(by_scale.begin(), by_scale.end(), 0.0);
  }
};

torch::Tensor zeros_for(const torch::Tensor& x) { return x.defined() ? torch::zeros_like(x) : torch::Tensor(); }
torch::Tensor as(const torch::Tensor& gradient, const torch::Tensor& input) {
  return gradient.defined() ? gradient.to(input.scalar_type()) : gradient;
}

}  // namespace

const ContrastiveLoops& contrastive_loops() {
  static constexpr const ContrastiveLoops* kSets[] = {&kContrastivePortable, &kContrastiveAvx2, &kContrastiveAvx512,
                                                      &kContrastiveAvx512};
  return chosen(kSets);
}

ContrastiveForward contrastive_forward_cpu(const ContrastiveInputs& in) {
  const Plain x(in);
  const int64_t count = x.image_BD.size(0);
  RowSums images(count), texts(count);
  if (x.alone()) {
    add_logits(x.image_BD, x.text_BD, nullptr, x.scale, 0, images, &texts);
  } else {
    add_logits(x.image_BD, x.text_WD, nullptr, x.scale, in.offset, images, nullptr);
    add_logits(x.text_BD, x.image_WD, nullptr, x.scale, in.offset, texts, nullptr);
  }
  if (x.extra_ED.defined()) add_logits(x.image_BD, x.extra_ED, x.exists(), x.scale, std::nullopt, images, nullptr);

  ContrastiveForward out{{}, torch::empty({count}, torch::kFloat32), torch::empty({count}, torch::kFloat32)};
  const double image_loss = images.finish(out.image_lse_B), text_loss = texts.finish(out.text_lse_B);
  out.loss = torch::scalar_tensor((image_loss + text_loss) / static_cast<double>(2 * count), torch::kFloat32);
  return out;
}

ContrastiveGradients contrastive_backward_cpu(const ContrastiveInputs& in, const ContrastiveForward& out,
                                              const torch::Tensor& gradient) {
  const Plain x(in);
  auto image_BD = zeros_for(x.image_BD), text_BD = zeros_for(x.text_BD), image_WD = zeros_for(x.image_WD),
       text_WD = zeros_for(x.text_WD), extra_ED = zeros_for(x.extra_ED);
  const float weight = gradient.item<float>() / static_cast<float>(2 * x.image_BD.size(0));
  const auto* image_lse = out.image_lse_B.data_ptr<float>();
  const auto* text_lse = out.text_lse_B.data_ptr<float>();
  const ContrastiveWeights both{x.scale, weight, 2, image_lse, text_lse}, images{x.scale, weight, 1, image_lse, nullptr},
      texts{x.scale, weight, 1, text_lse, nullptr};
  double scale = 0;
  if (x.alone()) {
    scale = Slopes{x.image_BD, x.text_BD, image_BD, text_BD, both, 0}.add();
  } else {
    scale = Slopes{x.image_BD, x.text_WD, image_BD, text_WD, images, in.offset}.add();
    scale += Slopes{x.text_BD, x.image_WD, text_BD, image_WD, texts, in.offset}.add();
  }
  if (x.extra_ED.defined()) scale += Slopes{x.image_BD, x.extra_ED, image_BD, extra_ED, images, std::nullopt, x.exists()}.add();
  return {as(image_BD, in.image_BD), as(text_BD, in.image_BD),  as(image_WD, in.image_BD),
          as(text_WD, in.image_BD),  as(extra_ED, in.image_BD), torch::scalar_tensor(scale, torch::kFloat32)};
}

}  // namespace fsc::detail
