// The token-patch alignment: its reference against differences, and its fused form against the reference in double.
#include "fsc/kernels/token_patch_alignment.h"

#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "fsc/kernels/kernels.h"
#include "fsc/tensor/autocast.h"
#include "kernels/counting_allocator.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "support/gradcheck.h"

namespace fsc {
namespace {

using test::kDouble;

struct Weighting {
  SimilarityNormalizer normalizer;
  bool sparsify;
};
constexpr Weighting kMinmaxWeights{SimilarityNormalizer::kMinmax, false}, kSparseWeights{SimilarityNormalizer::kMinmax, true},
    kSoftmaxWeights{SimilarityNormalizer::kSoftmax, false};

struct Texts {
  torch::Tensor offsets_R1, owner_R;
};

Texts texts_of(const std::vector<int64_t>& lengths, const std::vector<int64_t>& owners) {
  std::vector<int64_t> offsets{0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return {torch::tensor(offsets, torch::kInt64), torch::tensor(owners, torch::kInt64)};
}

/// Made-up inputs in double, with scale 20.
struct AlignmentCase {
  torch::Tensor patches_BPD, tokens_VD, scale = torch::tensor(20.0, kDouble);
  Texts texts;

  AlignmentCase(Texts of, int64_t images, int64_t patches, int64_t width) : texts(std::move(of)) {
    torch::manual_seed(11);
    patches_BPD = torch::randn({images, patches, width}, kDouble);
    const int64_t tokens = texts.offsets_R1[-1].item<int64_t>();
    // Tokens that lean to a patch each, as trained ones do.
    tokens_VD = torch::randn({tokens, width}, kDouble);
    if (tokens > 0) tokens_VD += patches_BPD.view({-1, width}).index_select(0, torch::randint(images * patches, {tokens}));
  }
  std::vector<torch::Tensor> inputs(torch::ScalarType type) const {
    return {patches_BPD.to(type), tokens_VD.to(type), scale.to(type == torch::kFloat64 ? type : torch::kFloat32)};
  }
  torch::Tensor scores(const std::vector<torch::Tensor>& x, Weighting weighting) const {
    return alignment_scores(x[0], x[1], texts.offsets_R1, texts.owner_R, x[2], weighting.normalizer, weighting.sparsify);
  }
  /// Scores, and the gradients of a sum of them with different factors.
  std::vector<torch::Tensor> results(const std::vector<torch::Tensor>& x, Weighting weighting) const {
    torch::Tensor values;
    const auto gradients = test::autograd_gradients(
        [&](const auto& leaves) {
          values = scores(leaves, weighting);
          return (values * (torch::arange(values.numel(), values.options()) * 1.7).cos()).sum();
        },
        x);
    return {values.detach(), gradients[0], gradients[1], gradients[2]};
  }
};

/// max |actual - expected| / max |expected|
double relative_difference(const torch::Tensor& actual, const torch::Tensor& expected) {
  const auto as_double = actual.to(torch::kFloat64);
  if (as_double.numel() == 0) return 0;
  return (as_double - expected).abs().max().item<double>() / std::max(expected.abs().max().item<double>(), 1e-12);
}

void expect_close(const std::vector<torch::Tensor>& actual, const std::vector<torch::Tensor>& expected,
                  const std::vector<double>& tolerances) {
  const char* const names[] = {"scores", "patches' gradient", "tokens' gradient", "scale's gradient"};
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].sizes(), expected[i].sizes()) << names[i];
    EXPECT_LE(relative_difference(actual[i], expected[i]), tolerances[i]) << names[i];
  }
}

/// Fused in the type against the reference in double, on numbers that the type holds exactly.
void expect_fused_equals_reference(const AlignmentCase& of, torch::ScalarType type, Weighting weighting) {
  const auto inputs = of.inputs(type);
  std::vector<torch::Tensor> exact;
  for (const auto& input : inputs) exact.push_back(input.to(torch::kFloat64));
  const auto actual = of.results(inputs, weighting), expected = of.results(exact, weighting);
  EXPECT_EQ(actual[0].scalar_type(), type == torch::kFloat64 ? type : torch::kFloat32);
  for (size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(actual[i + 1].scalar_type(), inputs[i].scalar_type());
  const double rounding = type == torch::kBFloat16 ? 1.0 / 256 : type == torch::kHalf ? 1.0 / 2048 : 0;
  expect_close(actual, expected, {2e-6, 1e-5 + rounding, 1e-5 + rounding, 5e-5});  // the last is a sum of both signs
}

struct NamedCase {
  const char* name;
  AlignmentCase (*make)();
};
const NamedCase kCases[] = {
    {"one_token", [] { return AlignmentCase(texts_of({1}, {0}), 1, 49, 512); }},
    {"tokens_31", [] { return AlignmentCase(texts_of({31}, {0}), 1, 7, 64); }},
    {"tokens_32", [] { return AlignmentCase(texts_of({32}, {0}), 1, 49, 64); }},
    {"tokens_33", [] { return AlignmentCase(texts_of({33}, {0}), 1, 50, 65); }},
    {"tokens_257",
     [] {
       return AlignmentCase(texts_of({257, 5}, {0, 0}), 1, 17, 48);
     }},
    {"ragged",
     [] {
       return AlignmentCase(texts_of({3, 14, 1, 77, 20, 9}, {0, 1, 0, 1, 2, 1}), 3, 49, 96);
     }},
    {"empty_text",
     [] {
       return AlignmentCase(texts_of({0, 4, 0, 6, 0}, {0, 0, 1, 1, 2}), 3, 9, 32);
     }},
    {"shuffled_owners",
     [] {
       return AlignmentCase(texts_of({5, 5, 2, 70, 8, 3}, {2, 0, 2, 1, 0, 1}), 3, 25, 40);
     }},
    {"image_without_text",
     [] {
       return AlignmentCase(texts_of({6, 8}, {3, 1}), 5, 10, 24);
     }},
    {"odd_sizes",
     [] {
       return AlignmentCase(texts_of({2, 3, 1}, {0, 1, 1}), 2, 5, 3);
     }},
    {"wide",
     [] {
       return AlignmentCase(texts_of({12, 30}, {0, 0}), 1, 64, 768);
     }},
    {"one_patch",
     [] {
       return AlignmentCase(texts_of({4, 5}, {0, 1}), 2, 1, 16);
     }},
    {"many_patches", [] { return AlignmentCase(texts_of({7}, {0}), 1, 1024, 16); }},
};

class AlignmentTable : public testing::TestWithParam<std::tuple<NamedCase, Weighting>> {};

TEST_P(AlignmentTable, EveryInstructionSetEqualsTheReference) {
  const auto& [named, weighting] = GetParam();
  const auto of = named.make();
  for (const auto set : detail::usable_instruction_sets()) {
    const detail::UseInstructionSet use(set);
    for (const auto type : {torch::kFloat32, torch::kBFloat16, torch::kHalf, torch::kFloat64}) {
      if (type == torch::kHalf && set != detail::usable_instruction_sets().back()) continue;  // the reference's
      SCOPED_TRACE(std::string(detail::name_of(set)) + " " + c10::toString(type));
      expect_fused_equals_reference(of, type, weighting);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AlignmentTable,
    testing::Combine(testing::ValuesIn(kCases), testing::Values(kMinmaxWeights, kSparseWeights, kSoftmaxWeights)),
    [](const auto& info) {
      const auto weighting = std::get<1>(info.param);
      const bool softmax = weighting.normalizer == SimilarityNormalizer::kSoftmax;
      return std::string(std::get<0>(info.param).name) + (softmax ? "_softmax" : weighting.sparsify ? "_sparse" : "_minmax");
    });

class AlignmentWeightings : public testing::TestWithParam<Weighting> {};
INSTANTIATE_TEST_SUITE_P(Weightings, AlignmentWeightings, testing::Values(kMinmaxWeights, kSparseWeights, kSoftmaxWeights));

/// The scores token by token as the header has them, with the weights of `at` held fixed, so that differences see what has a
/// gradient.
torch::Tensor scores_by_hand(const AlignmentCase& at, const std::vector<torch::Tensor>& x, Weighting weighting) {
  std::vector<torch::Tensor> scores;
  for (int64_t r = 0; r < at.texts.owner_R.size(0); ++r) {
    const int64_t image = at.texts.owner_R[r].item<int64_t>();
    auto sum = torch::zeros({}, kDouble);
    for (int64_t v = at.texts.offsets_R1[r].item<int64_t>(); v < at.texts.offsets_R1[r + 1].item<int64_t>(); ++v) {
      auto weights = at.patches_BPD[image].matmul(at.tokens_VD[v]);
      if (weighting.normalizer == SimilarityNormalizer::kSoftmax) {
        weights = weights.softmax(0);
      } else {
        weights = (weights - weights.min()) / (weights.max() - weights.min());
        if (weighting.sparsify) weights = weights * weights.ge(1.0 / static_cast<double>(weights.size(0)));
      }
      const auto aligned = (weights / weights.sum()).matmul(x[0][image]);
      sum = sum + (x[2] * (aligned * x[1][v]).sum() / aligned.norm() / x[1][v].norm()).exp();
    }
    scores.push_back(sum.log());
  }
  return torch::stack(scores);
}

TEST_P(AlignmentWeightings, TheReferenceIsTheFormula) {
  const AlignmentCase of(texts_of({3, 1, 4}, {1, 0, 1}), 2, 5, 3);
  const auto inputs = of.inputs(torch::kFloat64);
  EXPECT_TRUE(torch::allclose(of.scores(inputs, GetParam()), scores_by_hand(of, inputs, GetParam()), 1e-12, 1e-12));
  const auto mix = torch::tensor({1.0, -2.0, 0.5}, kDouble);
  const auto actual = test::autograd_gradients([&](const auto& x) { return (mix * of.scores(x, GetParam())).sum(); }, inputs);
  const auto expected =
      test::numeric_gradients([&](const auto& x) { return (mix * scores_by_hand(of, x, GetParam())).sum(); }, inputs);
  test::expect_gradients_near(actual, expected, 1e-5, 1e-5);
}

TEST_P(AlignmentWeightings, StridesDoNotMatter) {
  const AlignmentCase of(texts_of({5, 9}, {1, 0}), 2, 11, 32);
  const auto inputs = of.inputs(torch::kFloat32);
  const auto strided = [](const torch::Tensor& x) {
    const auto wide = torch::stack({x, torch::full_like(x, 7)}, -1);
    return wide.select(-1, 0);
  };
  auto shuffled = of;
  shuffled.texts = {strided(of.texts.offsets_R1), strided(of.texts.owner_R)};
  const auto plain = of.results(inputs, GetParam());
  torch::Tensor values;
  const auto leaves = std::vector{inputs[0].transpose(0, 1).contiguous().transpose(0, 1), strided(inputs[1]), inputs[2]};
  values = shuffled.scores(leaves, GetParam());
  EXPECT_TRUE(torch::equal(values, plain[0]));
}

TEST_P(AlignmentWeightings, ThreadsDoNotMatter) {
  std::vector<int64_t> lengths, owners;
  for (int64_t r = 0; r < 23; ++r) {
    lengths.push_back(r * 7 % 19);
    owners.push_back(r * 5 % 8);
  }
  const AlignmentCase of(texts_of(lengths, owners), 8, 12, 48);
  const int before = torch::get_num_threads();
  std::vector<std::vector<torch::Tensor>> results;
  for (const int threads : {1, 2, 3}) {
    torch::set_num_threads(threads);
    results.push_back(of.results(of.inputs(torch::kFloat32), GetParam()));
  }
  torch::set_num_threads(before);
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_TRUE(torch::equal(results[0][i], results[1][i]));
    EXPECT_TRUE(torch::equal(results[0][i], results[2][i]));
  }
}

/// NaN and infinity stand in the same places, and the numbers are equal where they are finite.
void expect_same_numbers(const torch::Tensor& actual, const torch::Tensor& expected, const char* what) {
  const auto other = actual.to(expected.scalar_type());
  EXPECT_TRUE(torch::allclose(other, expected, 1e-4, 1e-4, /*equal_nan=*/true)) << what << "\n" << other << "\n" << expected;
}

TEST_P(AlignmentWeightings, NotANumberAndInfinityPropagateAsInTheReference) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const bool in_patches : {true, false}) {
      SCOPED_TRACE(std::to_string(bad) + (in_patches ? " in a patch" : " in a token"));
      AlignmentCase of(texts_of({3, 2, 4}, {0, 1, 0}), 2, 6, 8);
      if (in_patches)
        of.patches_BPD[0][2][5] = bad;
      else
        of.tokens_VD[6][5] = bad;
      const auto inputs = of.inputs(torch::kFloat32);
      for (const auto set : detail::usable_instruction_sets()) {
        const detail::UseInstructionSet use(set);
        const auto actual = of.results(inputs, GetParam());
        const UseKernels reference(Kernels::kReference);
        const auto expected = of.results(inputs, GetParam());
        for (size_t i = 0; i < actual.size(); ++i) expect_same_numbers(actual[i], expected[i], detail::name_of(set));
        EXPECT_TRUE(actual[0][1].isfinite().item<bool>()) << "the other image's text";
      }
    }
  }
}

TEST_P(AlignmentWeightings, AVerificationFindsNothing) {
  const VerifyKernels verification;
  const AlignmentCase of(texts_of({13, 0, 25, 9}, {0, 1, 1, 0}), 3, 49, 64);
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) of.results(of.inputs(type), GetParam());
  ASSERT_EQ(verification.differences().size(), 1U);
  const auto found = verification.differences()[0];
  EXPECT_EQ(found.kernel, "token_patch_alignment");
  EXPECT_FALSE(found.fell_back) << found.largest;
}

TEST(Alignment, AllPatchesAlikeGiveEvenWeights) {
  AlignmentCase of(texts_of({3, 18}, {0, 1}), 2, 7, 16);
  // Halves and ones: every sum is exact in any order.
  of.patches_BPD = torch::ones({2, 1, 16}, kDouble).mul(0.5).expand({2, 7, 16}).clone();
  of.tokens_VD = of.tokens_VD.sign();
  for (const bool sparsify : {false, true}) {
    const Weighting weighting{SimilarityNormalizer::kMinmax, sparsify};
    for (const auto type : {torch::kFloat32, torch::kBFloat16}) expect_fused_equals_reference(of, type, weighting);
    for (const auto& result : of.results(of.inputs(torch::kFloat32), weighting))
      EXPECT_TRUE(result.isfinite().all().item<bool>());
  }
}

TEST_P(AlignmentWeightings, ZeroTokensAndZeroPatchesHaveTheReferencesGradients) {
  AlignmentCase of(texts_of({3, 4, 2}, {0, 1, 0}), 2, 5, 16);
  of.tokens_VD[0].zero_();
  of.tokens_VD[8].mul_(1e-14);
  of.patches_BPD[1].zero_();
  expect_fused_equals_reference(of, torch::kFloat32, GetParam());
  for (const auto& result : of.results(of.inputs(torch::kFloat32), GetParam())) EXPECT_TRUE(result.isfinite().all().item<bool>());
}

TEST(Alignment, ATextWithoutTokensHasNoPart) {
  const AlignmentCase of(texts_of({0, 3}, {0, 0}), 2, 4, 8), without(texts_of({3}, {0}), 2, 4, 8);
  const auto inputs = of.inputs(torch::kFloat32);
  const auto scores = of.scores(inputs, kMinmaxWeights);
  EXPECT_EQ(scores[0].item<float>(), -1e30F);
  EXPECT_EQ(scores[1].item<float>(), without.scores(inputs, kMinmaxWeights)[0].item<float>());
  const AlignmentCase nothing(texts_of({0, 0}, {0, 1}), 2, 4, 8);
  const auto results = nothing.results(nothing.inputs(torch::kFloat32), kMinmaxWeights);
  EXPECT_TRUE(results[0].eq(-1e30).all().item<bool>());
  EXPECT_EQ(results[1].abs().sum().item<float>(), 0);
  const AlignmentCase none(texts_of({}, {}), 2, 4, 8);
  EXPECT_EQ(none.scores(none.inputs(torch::kFloat32), kMinmaxWeights).numel(), 0);
}

TEST(Alignment, AHundredTimesTheCosineStaysFinite) {
  AlignmentCase of(texts_of({25, 14}, {0, 1}), 2, 49, 64);
  of.scale = torch::tensor(100.0, kDouble);
  expect_fused_equals_reference(of, torch::kFloat32, kMinmaxWeights);
}

TEST(Alignment, AutocastDoesNotRoundTheScores) {
  const AlignmentCase of(texts_of({5, 6}, {0, 1}), 2, 9, 32);
  const auto inputs = of.inputs(torch::kFloat32);
  const auto plain = of.scores(inputs, kMinmaxWeights);
  const Autocast autocast(torch::kBFloat16, torch::kCPU);
  EXPECT_TRUE(torch::equal(of.scores(inputs, kMinmaxWeights), plain));
  const UseKernels reference(Kernels::kReference);
  EXPECT_TRUE(torch::allclose(of.scores(inputs, kMinmaxWeights), plain, 1e-5, 1e-5));
}

TEST(Alignment, FewNumbersATokenAreKeptAndLittleMemoryIsTaken) {
  std::vector<int64_t> lengths, owners;
  for (int64_t r = 0; r < 64; ++r) {
    lengths.push_back(8 + r * 5 % 13);
    owners.push_back(r % 16);
  }
  const AlignmentCase of(texts_of(lengths, owners), 16, 49, 128);
  auto inputs = of.inputs(torch::kFloat32);
  size_t gradients = 0;
  for (auto& input : inputs) gradients += input.set_requires_grad(true).nbytes();
  const auto measure = [&] {
    for (auto& input : inputs) input.mutable_grad() = torch::Tensor();
    return test::bytes_of([&] { return of.scores(inputs, kSparseWeights).sum(); });
  };
  const auto fused = measure();
  EXPECT_LE(fused.kept, 16 * of.tokens_VD.size(0) + 8 * lengths.size());
  const UseKernels use(Kernels::kReference);
  EXPECT_LE(10 * (fused.peak - gradients), measure().peak - gradients);
}

TEST(Alignment, WhatDoesNotFitIsRefused) {
  const AlignmentCase of(texts_of({2, 3}, {0, 1}), 2, 5, 8);
  const auto in = of.inputs(torch::kFloat32);
  const auto scores = [&](const torch::Tensor& patches, const torch::Tensor& tokens, const torch::Tensor& offsets,
                          const torch::Tensor& owner) {
    return alignment_scores(patches, tokens, offsets, owner, in[2], SimilarityNormalizer::kMinmax, false);
  };
  const auto& [offsets, owner] = of.texts;
  EXPECT_NO_THROW(scores(in[0], in[1], offsets, owner));
  EXPECT_THROW(scores(in[0].narrow(2, 0, 7), in[1], offsets, owner), c10::Error);
  EXPECT_THROW(scores(in[0].narrow(1, 0, 0), in[1], offsets, owner), c10::Error);
  EXPECT_THROW(scores(in[0], in[1], offsets.narrow(0, 0, 2), owner), c10::Error);
  EXPECT_THROW(scores(in[0], in[1], offsets.to(torch::kInt32), owner), c10::Error);
  EXPECT_THROW(scores(in[0], in[1].narrow(0, 0, 4), offsets, owner), c10::Error);
  EXPECT_THROW(scores(in[0], in[1], offsets.flip(0), owner), c10::Error);
  EXPECT_THROW(scores(in[0], in[1], offsets, owner + 1), c10::Error);
  EXPECT_THROW(scores(in[0], in[1], offsets, owner - 1), c10::Error);
}

}  // namespace
}  // namespace fsc
