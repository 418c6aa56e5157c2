// The CUDA kernels of the hard-negative loss, run on the host under every schedule, against plain loops in double.
#include "support/cuda_on_host/cuda_on_host.h"
// The kernels come after what stands for CUDA.
#include "kernels/cuda/hard_negative.cuh"
#include "support/cuda_losses.h"

namespace fsc::detail {
namespace {
using cuda_on_host::DeviceBuffer;
using cuda_on_host::for_every_schedule;

struct HardNegativeCase {
  int rows = 1, classes = 4;
  double gamma = 2, beta = 0.02;
  bool masked = false;
  double spread = 3;    ///< of the logits
  double poison = 0;    ///< stands in one logit
  int valid_every = 0;  ///< which negatives exist: 0 = a few of each row, none of every fifth; 1 = all; -1 = none
};

struct HardNegativeData {
  HardNegativeCase c;
  DeviceBuffer<float> logits, upstream{"upstream", 1};
  DeviceBuffer<bool> valid;

  explicit HardNegativeData(const HardNegativeCase& c)
      : c(c), logits("logits", c.rows * c.classes), valid("valid", c.rows * (c.classes - 1)) {
    upstream.data()[0] = 0.7f;
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, static_cast<float>(c.spread));
    for (size_t i = 0; i < logits.size(); ++i) logits.data()[i] = normal(random);
    if (c.poison != 0) logits.data()[logits.size() / 2] = static_cast<float>(c.poison);
    for (int row = 0; row < c.rows; ++row)
      for (int n = 0; n < c.classes - 1; ++n)
        valid.data()[row * (c.classes - 1) + n] = c.valid_every == 0 ? row % 5 != 4 && (row + n) % 3 != 1 : c.valid_every > 0;
  }
  bool exists(int row, int k) const { return k == 0 || valid[row * (c.classes - 1) + k - 1]; }
  HardNegativeRows arrays() const {
    return {logits.data(), valid.data(), c.rows, c.classes, static_cast<float>(c.gamma), static_cast<float>(c.beta), c.masked};
  }
};

/// The loss by its formula; the gradient of class k by that of each term's log-probability.
struct HardNegativeTruth {
  double sum = 0;
  int64_t count = 0;
  std::vector<double> gradient;

  explicit HardNegativeTruth(const HardNegativeData& data) : gradient(data.logits.size()) {
    for (int row = 0; row < data.c.rows; ++row) add(data, row);
  }

 private:
  void add(const HardNegativeData& data, int row) {
    const auto& c = data.c;
    int there = 0;
    double total = 0;
    std::vector<double> z(c.classes), p(c.classes), slopes(c.classes);
    for (int k = 0; k < c.classes; ++k) {
      there += data.exists(row, k);
      z[k] = c.masked && !data.exists(row, k) ? -1e30 : data.logits[row * c.classes + k];
    }
    const double maximum = *std::max_element(z.begin(), z.end());
    for (double x : z) total += std::exp(x - maximum);
    double loss = 0, slope_sum = 0;
    const double upstream = there > 1 ? 0.7f : 0;
    for (int k = 0; k < c.classes; ++k) {
      const double log_p = z[k] - maximum - std::log(total),
                   y = (data.exists(row, k) ? c.beta / there : 0) + (k == 0 ? 1 - c.beta : 0);
      p[k] = std::exp(log_p);
      const double q = std::max(1 - p[k], 1e-12), p_slope = 1 - p[k] >= 1e-12 ? -p[k] : 0;
      loss -= y * std::pow(q, c.gamma) * log_p;
      slopes[k] = upstream * -y * (std::pow(q, c.gamma) + c.gamma * std::pow(q, c.gamma - 1) * p_slope * log_p);
      slope_sum += slopes[k];
    }
    for (int k = 0; k < c.classes; ++k)
      gradient[row * c.classes + k] = c.masked && !data.exists(row, k) ? 0 : slopes[k] - p[k] * slope_sum;
    if (there == 1) return;
    sum += loss;
    ++count;
  }
};

void expect_hard_negative(const HardNegativeCase& c) {
  SCOPED_TRACE(testing::Message() << c.rows << " rows of " << c.classes << ", gamma " << c.gamma << ", beta " << c.beta
                                  << (c.masked ? ", masked" : ""));
  const HardNegativeData data(c);
  const HardNegativeTruth truth(data);
  DeviceBuffer<float> sum("sum", 1), gradient("gradient", data.logits.size());
  DeviceBuffer<int64_t> count("count", 1);
  for_every_schedule(
      [&] {
        sum.poison();
        gradient.poison();
        count.poison();
        HostRunner forward, backward;
        run_hard_negative_forward(forward, data.arrays(), sum.data(), count.data());
        run_hard_negative_backward(backward, data.arrays(), data.upstream.data(), gradient.data());
      },
      [&] {
        expect_near("sum", sum, {truth.sum}, 1e-5);
        EXPECT_EQ(count[0], truth.count);
        expect_near("gradient", gradient, truth.gradient, 1e-5);
      });
}

TEST(CudaHardNegativeTest, ClassesAndTails) {
  for (int classes = 2; classes <= 8; ++classes) expect_hard_negative({.rows = 60 * classes - 105, .classes = classes});
  for (const int rows : {1, 15, 16, 17, 33, 65, 256, 257}) expect_hard_negative({.rows = rows});
}

TEST(CudaHardNegativeTest, Masked) {
  expect_hard_negative({.rows = 33, .masked = true});
  expect_hard_negative({.rows = 33, .gamma = 0, .beta = 0, .masked = true});
}

TEST(CudaHardNegativeTest, Calibrations) {
  for (const double gamma : {0.0, 0.5, 1.0, 2.0, 3.5})
    for (const double beta : {0.0, 0.3}) expect_hard_negative({.rows = 17, .gamma = gamma, .beta = beta});
}

TEST(CudaHardNegativeTest, MoreRowsThanOneRoundOfBlocks) { expect_hard_negative({.rows = 256 * 256 + 300, .classes = 2}); }

TEST(CudaHardNegativeTest, NothingToAverage) {
  expect_hard_negative({.rows = 0});
  expect_hard_negative({.rows = 9, .classes = 1});
  expect_hard_negative({.rows = 9, .valid_every = -1});
  expect_hard_negative({.rows = 9, .masked = true, .valid_every = -1});
}

// p = 1 to the last bit: the focal weight's slope is bounded.
TEST(CudaHardNegativeTest, LargeLogits) { expect_hard_negative({.rows = 40, .gamma = 0.5, .masked = true, .spread = 100}); }

TEST(CudaHardNegativeTest, NanAndInfinityPropagate) {
  for (const double poison : {double{NAN}, double{INFINITY}, double{-INFINITY}})
    expect_hard_negative({.rows = 7, .poison = poison});
  expect_hard_negative({.rows = 7, .poison = NAN, .valid_every = -1});
  // Of an existing negative it reaches all classes that exist, of a masked one none.
  for (const int classes : {6, 4}) expect_hard_negative({.rows = 7, .classes = classes, .masked = true, .poison = NAN});
}

}  // namespace
}  // namespace fsc::detail
