// The fused (1+N)-way loss against its reference in double: shapes, exponents, missing negatives, NaN, threads.
#include "fsc/kernels/hard_negative.h"

#include "kernels/against_double.h"

namespace fsc {
namespace {

struct NegativesCase {
  int64_t rows = 0, negatives = 3;
  double gamma = 2, smoothing = 0.02;
  MissingNegatives missing = MissingNegatives::kReference;
  bool strided = false;
};

std::string name_of(const NegativesCase& c) {
  return std::to_string(c.rows) + " x " + std::to_string(c.negatives) + ", gamma " + std::to_string(c.gamma) +
         (c.missing == MissingNegatives::kMasked ? ", masked" : "");
}

torch::Tensor valid_negatives(const NegativesCase& c) {
  torch::manual_seed(9);
  return torch::rand({c.rows, c.negatives}).gt(0.4);
}

torch::Tensor negative_logits(const NegativesCase& c, double scale = 3) {
  torch::manual_seed(8);
  return torch::randn({c.rows, 1 + c.negatives}) * scale;
}

test::ScalarFunction hard_negatives_of(const NegativesCase& c) {
  return [c, valid = valid_negatives(c)](const std::vector<torch::Tensor>& x) {
    const auto logits = c.strided ? x[0].t() : x[0];
    const auto given = c.strided ? valid.t().contiguous().t() : valid;
    return hard_negative_loss(logits, given, {c.gamma, c.smoothing}, c.missing).mean();
  };
}

std::vector<NegativesCase> negatives_cases() {
  std::vector<NegativesCase> cases;
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    for (const int64_t rows : {0, 1, 31, 32, 33, 257, 2500}) cases.push_back({.rows = rows, .missing = missing});
    for (const int64_t negatives : {0, 1, 7, 40}) cases.push_back({.rows = 33, .negatives = negatives, .missing = missing});
    for (const double gamma : {0.0, 0.5, 1.0, 1.5, 5.0}) cases.push_back({.rows = 50, .gamma = gamma, .missing = missing});
  }
  return cases;
}

TEST(HardNegativeKernel, EqualsTheReferenceInDouble) {
  for (const auto& c : negatives_cases())
    for (const auto dtype : {torch::kFloat32, torch::kBFloat16})
      test::expect_near_double(hard_negatives_of(c), {negative_logits(c).to(dtype)}, 1e-5, name_of(c));
  const NegativesCase strided{.rows = 33, .strided = true};
  test::expect_near_double(hard_negatives_of(strided), {negative_logits(strided).t().contiguous()}, 1e-5, "strided");
}

TEST(HardNegativeKernel, EveryInstructionSetEqualsTheReference) {
  test::for_each_instruction_set([] {
    for (const auto& c : negatives_cases())
      test::expect_near_double(hard_negatives_of(c), {negative_logits(c)}, 1e-5, name_of(c));
  });
}

TEST(HardNegativeKernel, CertainAndLargeLogitsAreTheReferences) {
  for (auto c : negatives_cases()) {
    if (c.rows != 50) continue;
    const auto logits = negative_logits(c, 60);
    const auto f = hard_negatives_of(c);
    const auto fused = test::value_and_gradients(f, {logits});
    const UseKernels use(Kernels::kReference);
    const auto reference = test::value_and_gradients(f, {logits});
    for (size_t i = 0; i < fused.size(); ++i)
      EXPECT_TRUE(torch::allclose(fused[i], reference[i], 1e-4, 1e-5 * reference[i].abs().max().item<double>())) << name_of(c);
  }
}

TEST(HardNegativeKernel, CountsRowsWithANegative) {
  const NegativesCase c{.rows = 2500};
  const auto [sum, count] = hard_negative_loss(negative_logits(c), valid_negatives(c), {});
  EXPECT_EQ(count.scalar_type(), torch::kInt64);
  EXPECT_FALSE(count.requires_grad());
  EXPECT_EQ(count.item<int64_t>(), valid_negatives(c).any(1).sum().item<int64_t>());
}

TEST(HardNegativeKernel, NanAndInfinityGoWhereTheyGoInTheReference) {
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    for (const double gamma : {0.0, 0.5, 2.0}) {
      const NegativesCase c{.rows = 40, .gamma = gamma, .missing = missing};
      for (const float value : {NAN, INFINITY, -INFINITY}) {
        for (int64_t place = 0; place < 40; ++place) {
          auto logits = negative_logits(c);
          logits[place][place % 4] = value;
          test::expect_same_finiteness(hard_negatives_of(c), {logits},
                                       name_of(c) + ", " + std::to_string(value) + " in row " + std::to_string(place));
        }
      }
    }
  }
}

TEST(HardNegativeKernel, ThreadsDoNotChangeABit) {
  const NegativesCase c{.rows = 5000};
  test::expect_same_bits_for_all_threads(hard_negatives_of(c), {negative_logits(c)});
}

}  // namespace
}  // namespace fsc
