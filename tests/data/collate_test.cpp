// The layout of a batch: captions first, then negatives slot by slot, with owners, rows and the mask of valid tokens.
#include "fsc/data/collate.h"
#include "support/text_rows.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

using Ids = std::vector<int64_t>;

Sample sample(const std::string& key, uint8_t value, Ids caption, std::vector<std::optional<Ids>> negatives = {}) {
  return {key,
          torch::full({3, 2, 2}, value, torch::kUInt8),
          {{kCaptions, Truth::kRight, {std::move(caption)}}, {kNegatives, Truth::kWrong, std::move(negatives)}}};
}

void expect_tensor(const torch::Tensor& actual, const torch::Tensor& expected) {
  ASSERT_EQ(actual.scalar_type(), expected.scalar_type());
  ASSERT_EQ(actual.sizes(), expected.sizes());
  EXPECT_TRUE(torch::equal(actual, expected)) << actual << "\nexpected\n" << expected;
}

TEST(Collate, CaptionsFirstThenNegativesSlotBySlot) {
  const Batch batch = collate({sample("a", 1, {90, 5, 91}, {{{90, 6, 91}}, {{90, 7, 7, 7, 91}}}),
                               sample("b", 2, {90, 8, 8, 91}, {std::nullopt, {{90, 91}}}),
                               sample("c", 3, {90, 9, 91}, {{{90, 4, 91}}, std::nullopt})});
  expect_tensor(test::rectangle(batch.texts), torch::tensor({{90, 5, 91, 0, 0},
                                                             {90, 8, 8, 91, 0},
                                                             {90, 9, 91, 0, 0},
                                                             {90, 6, 91, 0, 0},
                                                             {90, 4, 91, 0, 0},
                                                             {90, 7, 7, 7, 91},
                                                             {90, 91, 0, 0, 0}},
                                                            torch::kInt64));
  expect_tensor(batch.roles.owner_R, torch::tensor({0, 1, 2, 0, 2, 0, 1}, torch::kInt64));
  expect_tensor(batch.roles.captions_B(), torch::tensor({0, 1, 2}, torch::kInt64));
  expect_tensor(batch.roles.negatives_BN(), torch::tensor({{3, 5}, {-1, 6}, {4, -1}}, torch::kInt64));
  EXPECT_EQ(batch.keys, (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(batch.images.sizes(), (std::vector<int64_t>{3, 3, 2, 2}));
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(batch.images[i].eq(i + 1).all().item<bool>());
}

TEST(Collate, ValidTokensAreIdsAboveZeroWithoutTheFirst) {
  const Batch batch = collate({sample("a", 0, {90, 0, 5, 91}), sample("b", 0, {90, 91})});  // 0 is a token of its own: "!"
  expect_tensor(test::valid_tokens(batch.texts), torch::tensor({{false, false, true, true}, {false, true, false, false}}));
}

TEST(Collate, TextsThatFillTheContextArePaddedToItAndValidUpToTheirEnd) {
  // SigLIP pads with EOS itself: only lengths tell the words from the padding, and id 0 is no padding.
  const Batch batch =
      collate({sample("a", 0, {7, 0, 1}, {{{8, 1}}}), sample("b", 0, {1}, {{{5, 6, 7, 8, 1}}})}, {.pad_id = 1, .width = 5});
  expect_tensor(test::rectangle(batch.texts),
                torch::tensor({{7, 0, 1, 1, 1}, {1, 1, 1, 1, 1}, {8, 1, 1, 1, 1}, {5, 6, 7, 8, 1}}, torch::kInt64));
  expect_tensor(test::valid_tokens(batch.texts), torch::tensor({{true, true, true, false, false},
                                                                {true, false, false, false, false},
                                                                {true, true, false, false, false},
                                                                {true, true, true, true, true}}));
  expect_tensor(batch.roles.negatives_BN(), torch::tensor({{2}, {3}}, torch::kInt64));
  EXPECT_THROW(collate({sample("a", 0, {7, 0, 1})}, {.pad_id = 1, .width = 2}), c10::Error);
}

TEST(Collate, WithoutNegatives) {
  const Batch batch = collate({sample("a", 0, {90, 91}), sample("b", 0, {90, 91})});
  EXPECT_EQ(batch.roles.negatives_BN().sizes(), (std::vector<int64_t>{2, 0}));
  EXPECT_EQ(test::rectangle(batch.texts).sizes(), (std::vector<int64_t>{2, 2}));
  expect_tensor(batch.roles.owner_R, torch::tensor({0, 1}, torch::kInt64));
}

TEST(Collate, SlotsWithoutAnyNegative) {
  const Batch batch = collate({sample("a", 0, {90, 91}, {std::nullopt}), sample("b", 0, {90, 91}, {std::nullopt})});
  expect_tensor(batch.roles.negatives_BN(), torch::tensor({{-1}, {-1}}, torch::kInt64));
  EXPECT_EQ(batch.texts.size(), 2);
}

TEST(Collate, RowsAndOwnersAgree) {
  std::vector<Sample> samples;
  for (int64_t i = 0; i < 7; ++i) {
    std::vector<std::optional<Ids>> negatives(3);
    for (int64_t k = 0; k < 3; ++k)
      if ((i + k) % 3) negatives[static_cast<size_t>(k)] = Ids{90, 100 + 10 * i + k, 91};
    samples.push_back(sample(std::to_string(i), 0, {90, 200 + i, 91}, negatives));
  }
  const Batch batch = collate(samples);
  int64_t found = 0;
  for (int64_t i = 0; i < 7; ++i) {
    EXPECT_EQ(test::rectangle(batch.texts)[batch.roles.captions_B()[i].item<int64_t>()][1].item<int64_t>(), 200 + i);
    for (int64_t k = 0; k < 3; ++k) {
      const int64_t row = batch.roles.negatives_BN()[i][k].item<int64_t>();
      EXPECT_EQ(row >= 0, (i + k) % 3 != 0);
      if (row < 0) continue;
      ++found;
      EXPECT_EQ(test::rectangle(batch.texts)[row][1].item<int64_t>(), 100 + 10 * i + k);
      EXPECT_EQ(batch.roles.owner_R[row].item<int64_t>(), i);
    }
  }
  EXPECT_EQ(batch.texts.size(), 7 + found);
}

TEST(Collate, AFurtherGroupFollowsTheOthers) {
  Sample a = sample("a", 0, {90, 5, 91}, {{{90, 6, 91}}}), b = sample("b", 0, {90, 8, 91}, {std::nullopt});
  a.texts.push_back({.name = "phrases", .slots = {std::nullopt, Ids{90, 3, 91}}});
  b.texts.push_back({.name = "phrases", .slots = {Ids{90, 4, 91}, Ids{90, 2, 91}}});
  const Batch batch = collate({a, b});
  expect_tensor(batch.roles.rows_BN("phrases"), torch::tensor({{-1, 4}, {3, 5}}, torch::kInt64));
  expect_tensor(batch.roles.owner_R, torch::tensor({0, 1, 0, 1, 0, 1}, torch::kInt64));
  expect_tensor(test::rectangle(batch.texts).select(1, 1), torch::tensor({5, 8, 6, 4, 3, 2}, torch::kInt64));
}

TEST(Collate, WhatDoesNotFitTogetherIsABug) {
  EXPECT_THROW(collate({}), c10::Error);
  EXPECT_THROW(collate({sample("a", 0, {90, 91}, {std::nullopt}), sample("b", 0, {90, 91})}), c10::Error) << "other slots";
  Sample other = sample("b", 0, {90, 91});
  other.texts[1].name = "phrases";
  EXPECT_THROW(collate({sample("a", 0, {90, 91}), other}), c10::Error) << "another group";
  other.texts[0].slots[0].reset();
  EXPECT_THROW(collate({other}), c10::Error) << "no caption";
}

}  // namespace
}  // namespace fsc
