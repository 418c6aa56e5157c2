// The CUDA kernels of the contrastive loss, run on the host under every schedule, against plain loops in double.
#include "support/cuda_on_host/cuda_on_host.h"
// The kernels come after what stands for CUDA.
#include "kernels/cuda/contrastive.cuh"
#include "support/cuda_losses.h"

namespace fsc::detail {
namespace {
using cuda_on_host::DeviceBuffer;
using cuda_on_host::for_every_schedule;

struct ContrastiveCase {
  int rows = 1, depth = 16;
  int world = 0, offset = 0;  ///< columns of other processes; 0 = alone; below 0 = no row has its pair among them
  int extra = 0;
  bool masked = false;  ///< every third extra row does not exist
  double scale = 14;
  bool opposed = false;  ///< texts point away from images
  double poison = 0;     ///< stands in one image feature
};

template <class T>
struct ContrastiveData {
  ContrastiveCase c;
  TestRows<T> image, text, image_world, text_world, extra;
  DeviceBuffer<bool> valid;
  DeviceBuffer<float> scale{"scale", 1}, upstream{"upstream", 1};

  explicit ContrastiveData(const ContrastiveCase& c)
      : c(c),
        image("image", images(c), c.depth),
        text("text", texts(c), c.depth),
        image_world("image_world", unit_rows(c.world, c.depth, 3), c.depth),
        text_world("text_world", unit_rows(c.world, c.depth, 4), c.depth),
        extra("extra", unit_rows(c.extra, c.depth, 5), c.depth),
        valid("valid", c.extra) {
    scale.data()[0] = static_cast<float>(c.scale);
    upstream.data()[0] = 0.7f;
    for (int e = 0; e < c.extra; ++e) valid.data()[e] = e % 3 != 1;
  }
  static std::vector<double> images(const ContrastiveCase& c) {
    auto rows = unit_rows(c.rows, c.depth, 1);
    if (c.poison != 0) rows[rows.size() / 2] = c.poison;
    return rows;
  }
  static std::vector<double> texts(const ContrastiveCase& c) {
    auto rows = unit_rows(c.rows, c.depth, 2);
    for (double& x : rows) x *= c.opposed ? -1 : 1;
    return rows;
  }
  bool exists(int e) const { return !c.masked || valid[e]; }
  const TestRows<T>& image_columns() const { return c.world ? image_world : image; }
  const TestRows<T>& text_columns() const { return c.world ? text_world : text; }
  ContrastiveArrays<T> arrays() const {
    return {image.data(),      text.data(),  image_world.data(),
            text_world.data(), extra.data(), c.masked ? valid.data() : nullptr,
            scale.data(),      c.rows,       c.world,
            c.extra,           c.depth,      c.offset};
  }
};

/// The loss and its gradients by their formula.
template <class T>
struct ContrastiveTruth {
  double loss, scale = 0;
  std::vector<double> image, text, image_world, text_world, extra;

  explicit ContrastiveTruth(const ContrastiveData<T>& data) {
    const auto& c = data.c;
    loss = c.rows > 0 ? 0 : NAN;  // the mean of nothing
    const auto zeros = [&](int count) { return std::vector<double>(static_cast<size_t>(count) * c.depth); };
    image = zeros(c.rows), text = zeros(c.rows), image_world = zeros(c.world), text_world = zeros(c.world),
    extra = zeros(c.extra);
    for (int i = 0; i < c.rows; ++i) {
      direction(data, i, data.image, image, data.text_columns(), c.world ? text_world : text, c.extra);
      direction(data, i, data.text, text, data.image_columns(), c.world ? image_world : image, 0);
    }
  }

 private:
  void direction(const ContrastiveData<T>& data, int i, const TestRows<T>& rows, std::vector<double>& row_gradient,
                 const TestRows<T>& columns, std::vector<double>& column_gradient, int extras) {
    const auto& c = data.c;
    std::vector<double> cosines, logits;
    for (int j = 0; j < columns.count; ++j) cosines.push_back(cosine(rows, i, columns, j));
    for (int e = 0; e < extras; ++e) cosines.push_back(cosine(rows, i, data.extra, e));
    for (size_t j = 0; j < cosines.size(); ++j) {
      const bool there = static_cast<int>(j) < columns.count || data.exists(static_cast<int>(j) - columns.count);
      logits.push_back(there ? c.scale * cosines[j] : -1e30);
    }
    double maximum = logits[0], sum = 0;  // with a NaN, the sum is NaN whatever this is
    for (double z : logits) maximum = std::max(maximum, z);
    for (double z : logits) sum += std::exp(z - maximum);
    const double lse = maximum + std::log(sum), weight = 0.5 / c.rows;
    if (c.offset >= 0) loss += weight * (lse - logits[c.offset + i]);
    for (int j = 0; j < static_cast<int>(logits.size()); ++j) {
      const bool is_extra = j >= columns.count;
      if (is_extra && !data.exists(j - columns.count)) continue;
      const double slope = 0.7f * weight * (std::exp(logits[j] - lse) - (j == c.offset + i));
      scale += slope * cosines[j];
      add_row(row_gradient, i, slope * c.scale, is_extra ? data.extra : columns, is_extra ? j - columns.count : j);
      add_row(is_extra ? extra : column_gradient, is_extra ? j - columns.count : j, slope * c.scale, rows, i);
    }
  }
};

template <class T, class Out = T>
void expect_contrastive(const ContrastiveCase& c) {
  SCOPED_TRACE(testing::Message() << c.rows << " rows, depth " << c.depth << ", world " << c.world << ", offset " << c.offset
                                  << ", extra " << c.extra << (c.masked ? " masked" : "") << ", scale " << c.scale);
  const ContrastiveData<T> data(c);
  const ContrastiveTruth<T> truth(data);
  DeviceBuffer<float> image_lse("image_lse", c.rows), text_lse("text_lse", c.rows), loss("loss", 1), scale("scale gradient", 1);
  DeviceBuffer<Out> image("image gradient", data.image.values.size()), text("text gradient", data.text.values.size());
  DeviceBuffer<Out> image_world("image_world gradient", data.image_world.values.size());
  DeviceBuffer<Out> text_world("text_world gradient", data.text_world.values.size());
  DeviceBuffer<Out> extra("extra gradient", data.extra.values.size());
  for_every_schedule(
      [&] {
        for (auto* buffer : {&image_lse, &text_lse, &loss, &scale}) buffer->poison();
        for (auto* buffer : {&image, &text, &image_world, &text_world, &extra}) buffer->poison();
        HostRunner forward, backward;
        run_contrastive_forward(forward, data.arrays(), image_lse.data(), text_lse.data(), loss.data());
        run_contrastive_backward<T, Out>(
            backward, data.arrays(), image_lse.data(), text_lse.data(), data.upstream.data(),
            {image.data(), text.data(), image_world.data(), text_world.data(), extra.data(), scale.data()});
      },
      [&] {
        const double tolerance = gradient_tolerance<T>();
        if (c.offset >= 0) expect_near("loss", loss, {truth.loss}, 1e-5);
        expect_near("image", image, truth.image, tolerance);
        expect_near("text", text, truth.text, tolerance);
        expect_near("image_world", image_world, truth.image_world, tolerance);
        expect_near("text_world", text_world, truth.text_world, tolerance);
        expect_near("extra", extra, truth.extra, tolerance);
        expect_near("scale", scale, {truth.scale}, 1e-4);
      });
}

template <class T>
class CudaContrastiveTest : public testing::Test {};
using CudaContrastiveTypes = testing::Types<float, __half, __nv_bfloat16>;
TYPED_TEST_SUITE(CudaContrastiveTest, CudaContrastiveTypes);

TYPED_TEST(CudaContrastiveTest, AloneWithTails) {
  for (const auto& [rows, depth] : {std::pair{1, 16}, {15, 33}, {17, 8}, {65, 72}})
    expect_contrastive<TypeParam>({.rows = rows, .depth = depth});
}

TYPED_TEST(CudaContrastiveTest, ExtraColumns) {
  expect_contrastive<TypeParam>({.rows = 16, .depth = 16, .extra = 35});
  expect_contrastive<TypeParam>({.rows = 33, .depth = 40, .extra = 100, .masked = true});
}

TYPED_TEST(CudaContrastiveTest, ColumnsOfAWorld) {
  expect_contrastive<TypeParam>({.rows = 9, .depth = 16, .world = 150, .offset = 130, .extra = 7, .masked = true});
}

TYPED_TEST(CudaContrastiveTest, ABlockWithoutPairs) {
  expect_contrastive<TypeParam>({.rows = 9, .depth = 16, .world = 20, .offset = -29, .extra = 7, .masked = true});
}

TYPED_TEST(CudaContrastiveTest, DeepFeatures) {
  expect_contrastive<TypeParam>({.rows = 5, .depth = 512});
  expect_contrastive<TypeParam>({.rows = 3, .depth = 520, .extra = 2});
}

// exp(s (cosine - 1)) would vanish in every logit of these rows.
TYPED_TEST(CudaContrastiveTest, LargeScale) {
  expect_contrastive<TypeParam>({.rows = 20, .depth = 24, .extra = 3, .masked = true, .scale = 100, .opposed = true});
}

TYPED_TEST(CudaContrastiveTest, NanAndInfinityPropagate) {
  for (const double poison : {double{NAN}, double{INFINITY}})
    expect_contrastive<TypeParam>({.rows = 6, .depth = 16, .poison = poison});
}

TYPED_TEST(CudaContrastiveTest, NothingIsNanForward) {
  expect_contrastive<TypeParam>({.rows = 0, .depth = 16});
  expect_contrastive<TypeParam>({.rows = 0, .depth = 16, .world = 3});
}

TEST(CudaContrastiveMixedTest, FloatGradientsOfHalfFeatures) {
  expect_contrastive<__half, float>({.rows = 17, .depth = 24, .extra = 5});
}

}  // namespace
}  // namespace fsc::detail
