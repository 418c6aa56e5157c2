// The CUDA kernels of the sigmoid loss, run on the host under every schedule, against plain loops in double.
#include "support/cuda_on_host/cuda_on_host.h"
// The kernels come after what stands for CUDA.
#include "kernels/cuda/sigmoid.cuh"
#include "support/cuda_losses.h"

namespace fsc::detail {
namespace {
using cuda_on_host::DeviceBuffer;
using cuda_on_host::for_every_schedule;

struct SigmoidCase {
  int rows = 1, columns = 1, depth = 16, offset = 0;
  double scale = 10, bias = -10;
  double poison = 0;  ///< stands in one text feature
};

template <class T>
struct SigmoidData {
  SigmoidCase c;
  TestRows<T> image, text;
  DeviceBuffer<float> scale{"scale", 1}, bias{"bias", 1}, upstream{"upstream", 1};

  explicit SigmoidData(const SigmoidCase& c)
      : c(c), image("image", unit_rows(c.rows, c.depth, 1), c.depth), text("text", texts(c), c.depth) {
    scale.data()[0] = static_cast<float>(c.scale);
    bias.data()[0] = static_cast<float>(c.bias);
    upstream.data()[0] = 0.7f;
  }
  static std::vector<double> texts(const SigmoidCase& c) {
    auto rows = unit_rows(c.columns, c.depth, 2);
    if (c.poison != 0) rows[rows.size() / 2] = c.poison;
    return rows;
  }
  SigmoidArrays<T> arrays() const {
    return {image.data(), text.data(), scale.data(), bias.data(), c.rows, c.columns, c.depth, c.offset};
  }
};

/// The loss and its gradients by their formula.
template <class T>
struct SigmoidTruth {
  double loss, scale = 0, bias = 0;
  std::vector<double> image, text;

  explicit SigmoidTruth(const SigmoidData<T>& data) : image(data.image.values.size()), text(data.text.values.size()) {
    const auto& c = data.c;
    loss = c.rows > 0 ? 0 : NAN;  // the mean of nothing
    for (int i = 0; i < c.rows; ++i)
      for (int j = 0; j < c.columns; ++j) {
        const double cos = cosine(data.image, i, data.text, j), sign = j == i + c.offset ? 1 : -1;
        const double x = -sign * (c.scale * cos + c.bias);
        loss += (std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) + (x != x ? x : 0)) / c.rows;
        const double slope = -0.7f * sign / (1 + std::exp(-x)) / c.rows;
        scale += slope * cos;
        bias += slope;
        add_row(image, i, slope * c.scale, data.text, j);
        add_row(text, j, slope * c.scale, data.image, i);
      }
  }
};

template <class T, class Out = T>
void expect_sigmoid(const SigmoidCase& c) {
  SCOPED_TRACE(testing::Message() << c.rows << " rows, depth " << c.depth << ", columns " << c.columns << ", offset " << c.offset
                                  << ", scale " << c.scale << ", bias " << c.bias);
  const SigmoidData<T> data(c);
  const SigmoidTruth<T> truth(data);
  DeviceBuffer<float> loss("loss", 1), scale("scale gradient", 1), bias("bias gradient", 1);
  DeviceBuffer<Out> image("image gradient", data.image.values.size()), text("text gradient", data.text.values.size());
  for_every_schedule(
      [&] {
        for (auto* buffer : {&loss, &scale, &bias}) buffer->poison();
        for (auto* buffer : {&image, &text}) buffer->poison();
        HostRunner forward, backward;
        run_sigmoid_forward(forward, data.arrays(), loss.data());
        run_sigmoid_backward<T, Out>(backward, data.arrays(), data.upstream.data(),
                                     {image.data(), text.data(), scale.data(), bias.data()});
      },
      [&] {
        expect_near("loss", loss, {truth.loss}, 1e-5);
        expect_near("image", image, truth.image, gradient_tolerance<T>());
        expect_near("text", text, truth.text, gradient_tolerance<T>());
        expect_near("scale", scale, {truth.scale}, 1e-4);
        expect_near("bias", bias, {truth.bias}, 1e-4);
      });
}

template <class T>
class CudaSigmoidTest : public testing::Test {};
using CudaSigmoidTypes = testing::Types<float, __half, __nv_bfloat16>;
TYPED_TEST_SUITE(CudaSigmoidTest, CudaSigmoidTypes);

TYPED_TEST(CudaSigmoidTest, AloneWithTails) {
  for (const auto& [rows, depth] : {std::pair{1, 16}, {15, 33}, {16, 8}, {66, 24}})
    expect_sigmoid<TypeParam>({.rows = rows, .columns = rows, .depth = depth});
}

TYPED_TEST(CudaSigmoidTest, ColumnsOfAWorld) {
  expect_sigmoid<TypeParam>({.rows = 7, .columns = 140, .depth = 16, .offset = 133, .scale = 20, .bias = -4});
  expect_sigmoid<TypeParam>({.rows = 7, .columns = 9, .depth = 16, .offset = -16, .scale = 20, .bias = -4});  // no pair is right
}

TYPED_TEST(CudaSigmoidTest, DeepFeatures) { expect_sigmoid<TypeParam>({.rows = 3, .columns = 4, .depth = 600, .offset = 1}); }

// A wrong pair that is sure to be right, and the other way round.
TYPED_TEST(CudaSigmoidTest, LargeLogits) {
  for (const double bias : {-60.0, 60.0}) expect_sigmoid<TypeParam>({.rows = 5, .columns = 5, .scale = 100, .bias = bias});
}

TYPED_TEST(CudaSigmoidTest, NanAndInfinityPropagate) {
  for (const double poison : {double{NAN}, double{INFINITY}})
    expect_sigmoid<TypeParam>({.rows = 6, .columns = 6, .depth = 16, .poison = poison});
}

TYPED_TEST(CudaSigmoidTest, NothingIsNanForward) {
  expect_sigmoid<TypeParam>({.rows = 0, .columns = 0});
  expect_sigmoid<TypeParam>({.rows = 0, .columns = 3});
}

}  // namespace
}  // namespace fsc::detail
