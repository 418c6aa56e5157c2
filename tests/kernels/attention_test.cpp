// Attention over packed sequences against scaled_dot_product_attention of each alone, gradients included.
#include "fsc/kernels/attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <numeric>

#include "fsc/kernels/kernels.h"
#include "kernels/cpu/detail_instruction_set.h"

namespace fsc {
namespace {

using torch::Tensor;

struct Shape {
  std::vector<int64_t> lengths;
  int64_t heads, size;
  bool causal, shared;
};

/// With `shared`, each sequence but the first begins with the first half of the one before it.
Sequences sequences_of(const Shape& shape) {
  std::vector<int32_t> offsets = {0}, keys, key_offsets = {0};
  std::vector<int32_t> before;
  int64_t longest = 0;
  for (const int64_t length : shape.lengths) {
    std::vector<int32_t> mine;
    if (shape.shared) mine.assign(before.begin(), before.begin() + static_cast<int64_t>(before.size()) / 2);
    for (int64_t t = 0; t < length; ++t) mine.push_back(offsets.back() + static_cast<int32_t>(t));
    offsets.push_back(offsets.back() + static_cast<int32_t>(length));
    keys.insert(keys.end(), mine.begin(), mine.end());
    key_offsets.push_back(static_cast<int32_t>(keys.size()));
    longest = std::max(longest, static_cast<int64_t>(mine.size()));
    before = mine;
  }
  Sequences sequences{.count = static_cast<int64_t>(shape.lengths.size()), .longest = longest, .causal = shape.causal};
  sequences.offsets_S1 = torch::tensor(offsets, torch::kInt32);
  if (shape.shared)
    sequences.keys_K = torch::tensor(keys, torch::kInt32), sequences.key_offsets_S1 = torch::tensor(key_offsets, torch::kInt32);
  return sequences;
}

/// What every token of the packed batch should become, each query alone, in float64.
Tensor by_hand(const Tensor& qkv_M3W, const Sequences& sequences, int64_t heads) {
  const int64_t width = qkv_M3W.size(1) / 3;
  const Tensor qkv = qkv_M3W.view({-1, 3, heads, width / heads});
  std::vector<Tensor> rows;
  for (int64_t s = 0; s < sequences.count; ++s) {
    const int64_t begin = sequences.offsets_S1[s].item<int64_t>(), end = sequences.offsets_S1[s + 1].item<int64_t>();
    const Tensor keys = sequences.shares() ? sequences.keys_K.slice(0, sequences.key_offsets_S1[s].item<int64_t>(),
                                                                    sequences.key_offsets_S1[s + 1].item<int64_t>())
                                           : torch::arange(begin, end);
    for (int64_t m = begin; m < end; ++m) {
      const int64_t seen = sequences.causal ? keys.size(0) - (end - m) + 1 : keys.size(0);
      const Tensor of_keys = qkv.index_select(0, keys.slice(0, 0, seen));
      const Tensor scores = (of_keys.select(1, 1) * qkv[m][0]).sum(-1) / std::sqrt(static_cast<double>(width / heads));
      rows.push_back((scores.softmax(0).unsqueeze(-1) * of_keys.select(1, 2)).sum(0).flatten());
    }
  }
  return torch::stack(rows);
}

class PackedAttention : public testing::TestWithParam<Shape> {
 protected:
  PackedAttention() {
    torch::manual_seed(3);
    const Shape& shape = GetParam();
    const int64_t tokens = std::accumulate(shape.lengths.begin(), shape.lengths.end(), int64_t{0});
    exact_ = torch::randn({tokens, 3 * shape.heads * shape.size}, torch::kDouble);
    mix_ = torch::randn({tokens, shape.heads * shape.size}, torch::kDouble);
  }
  /// Outputs and the gradient of qkv for the cotangent mix_, of this dtype.
  std::pair<Tensor, Tensor> run(torch::ScalarType dtype, bool reference = false) const {
    const Tensor qkv = exact_.to(dtype).detach().clone().requires_grad_();
    const Sequences sequences = sequences_of(GetParam());
    const Tensor out = reference ? by_hand(qkv, sequences, GetParam().heads) : attention(qkv, sequences, GetParam().heads);
    EXPECT_EQ(out.scalar_type(), dtype);
    (out * mix_.to(dtype)).sum().backward();
    return {out.detach().to(torch::kDouble), qkv.grad().to(torch::kDouble)};
  }
  Tensor exact_, mix_;
};

TEST_P(PackedAttention, EqualsEveryQueryAlone) {
  const auto [out, gradient] = run(torch::kDouble, true);
  for (const auto dtype : {torch::kDouble, torch::kFloat, torch::kBFloat16}) {
    const double tolerance = dtype == torch::kDouble ? 1e-12 : dtype == torch::kFloat ? 2e-6 : 3e-2;
    const auto [actual, actual_gradient] = run(dtype);
    EXPECT_LE((actual - out).abs().max().item<double>(), tolerance) << dtype;
    EXPECT_LE((actual_gradient - gradient).abs().max().item<double>(), 4 * tolerance) << dtype;
  }
}

TEST_P(PackedAttention, DoesNotDependOnTheNumberOfThreads) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = run(torch::kFloat);
  at::set_num_threads(2);
  const auto two = run(torch::kFloat);
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one.first, two.first));
  EXPECT_TRUE(torch::equal(one.second, two.second));
}

INSTANTIATE_TEST_SUITE_P(Shapes, PackedAttention,
                         testing::Values(Shape{{5, 1, 17, 3}, 2, 8, true, false}, Shape{{5, 1, 17, 3}, 2, 8, false, false},
                                         Shape{{16, 31, 33, 77}, 1, 64, true, false}, Shape{{4, 6, 2, 9}, 3, 5, true, true},
                                         Shape{{1}, 1, 1, true, false}, Shape{{12, 3, 0, 7}, 2, 16, true, true},
                                         Shape{{257}, 1, 20, true, false}));

TEST_P(PackedAttention, EveryInstructionSetGivesTheSame) {
  const auto [out, gradient] = run(torch::kDouble, true);
  for (const auto set : detail::usable_instruction_sets()) {
    const detail::UseInstructionSet scope(set);
    const auto [actual, actual_gradient] = run(torch::kFloat);
    EXPECT_LE((actual - out).abs().max().item<double>(), 2e-6) << detail::name_of(set);
    EXPECT_LE((actual_gradient - gradient).abs().max().item<double>(), 8e-6) << detail::name_of(set);
  }
}

TEST(Attention, VerifiesAgainstItsReference) {
  const Sequences sequences = sequences_of({{9, 20, 1, 40}, 2, 24, true, true});
  torch::manual_seed(1);
  const Tensor qkv = torch::randn({70, 3 * 48}).requires_grad_();
  const VerifyKernels verify;
  attention(qkv, sequences, 2);
  ASSERT_EQ(verify.differences().size(), 1u);
  EXPECT_EQ(verify.differences()[0].kernel, "attention");
  EXPECT_GT(verify.differences()[0].largest, 0);
  EXPECT_FALSE(verify.differences()[0].fell_back);
}

TEST(Attention, UniformSequencesAreATensBatches) {
  torch::manual_seed(2);
  const Tensor qkv = torch::randn({3 * 5, 3 * 8});
  const auto parts = qkv.view({3, 5, 3, 2, 4}).permute({2, 0, 3, 1, 4}).unbind(0);
  for (const bool causal : {false, true}) {
    const Tensor expected = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, 0.0, causal);
    EXPECT_TRUE(torch::equal(attention(qkv, Sequences::uniform(3, 5, causal), 2), expected.transpose(1, 2).reshape({15, 8})));
  }
}

TEST(Attention, NanStaysInItsSequenceAndShapesAreChecked) {
  const Shape shape{{3, 4}, 1, 4, true, false};
  Tensor qkv = torch::ones({7, 12});
  qkv[1][4] = std::nanf("");  // a key of the second token: the first does not see it
  const Tensor bad = attention(qkv, sequences_of(shape), 1).isnan().any(1);
  EXPECT_TRUE(torch::equal(bad, torch::tensor({false, true, true, false, false, false, false})));
  EXPECT_THROW(attention(torch::ones({7, 10}), sequences_of(shape), 1), c10::Error);
  EXPECT_THROW(attention(torch::ones({7, 12}), sequences_of(shape), 0), c10::Error);
}

}  // namespace
}  // namespace fsc
