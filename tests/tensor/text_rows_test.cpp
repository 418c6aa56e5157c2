// Rows of tokens, and the groups that say what each row is.
#include "fsc/tensor/text_rows.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

const TokenIds kLong = {90, 5, 0, 7, 91}, kShort = {90, 91};

torch::Tensor int32s(std::vector<int32_t> values) { return torch::tensor(values, torch::kInt32); }
torch::Tensor int64s(std::vector<int64_t> values) { return torch::tensor(values, torch::kInt64); }
void expect_equal(const torch::Tensor& actual, const torch::Tensor& expected) {
  EXPECT_TRUE(torch::equal(actual, expected)) << actual << expected;
}

TEST(TextRows, StandOneAfterAnotherAndSkipStartAndZeros) {
  const TextRows rows = make_text_rows({&kLong, &kShort}, {.share_prefixes = false});
  expect_equal(rows.ids_M, int64s({90, 5, 0, 7, 91, 90, 91}));
  expect_equal(rows.positions_M, int64s({0, 1, 2, 3, 4, 0, 1}));
  expect_equal(rows.sequences.offsets_S1, int32s({0, 5, 7}));
  EXPECT_FALSE(rows.sequences.shares());
  EXPECT_EQ(rows.sequences.longest, 5);
  expect_equal(rows.eot_R, int64s({4, 6}));
  expect_equal(rows.tokens_V, int64s({1, 3, 4, 6}));
  expect_equal(rows.offsets_R1, int64s({0, 3, 4}));
  EXPECT_EQ(rows.size(), 2);
  EXPECT_EQ(rows.tokens(), 7);
}

TEST(TextRows, ShareWhatTheyBeginWith) {
  const TokenIds other = {90, 5, 0, 8, 91};
  const TextRows rows = make_text_rows({&kLong, &other, &kShort}, {});
  expect_equal(rows.ids_M, int64s({90, 5, 0, 7, 91, /*other:*/ 8, 91, /*kShort:*/ 91}));
  expect_equal(rows.positions_M, int64s({0, 1, 2, 3, 4, 3, 4, 1}));
  expect_equal(rows.sequences.offsets_S1, int32s({0, 5, 7, 8}));
  expect_equal(rows.sequences.keys_K, int32s({0, 1, 2, 3, 4, 0, 1, 2, 5, 6, 0, 7}));
  expect_equal(rows.sequences.key_offsets_S1, int32s({0, 5, 10, 12}));
  expect_equal(rows.eot_R, int64s({4, 6, 7}));
  expect_equal(rows.tokens_V, int64s({1, 3, 4, 1, 5, 6, 7}));
  expect_equal(rows.offsets_R1, int64s({0, 3, 6, 7}));
  EXPECT_EQ(token_ids(rows), (std::vector<TokenIds>{kLong, other, kShort}));
}

TEST(TextRows, EqualTextsAreThereOnce) {
  for (const bool share : {false, true}) {
    const TextRows rows = make_text_rows({&kShort, &kLong, &kShort}, {.share_prefixes = share});
    EXPECT_EQ(rows.sequences.count, 2);
    expect_equal(rows.sequence_R, int64s({0, 1, 0}));
    EXPECT_EQ(rows.eot_R[0].item<int64_t>(), rows.eot_R[2].item<int64_t>());
    expect_equal(rows.offsets_R1, int64s({0, 1, 4, 5}));
    EXPECT_EQ(token_ids(rows), (std::vector<TokenIds>{kShort, kLong, kShort}));
  }
  const TextRows padded = make_text_rows({&kShort, &kShort}, {.pad_id = 1, .width = 6});
  EXPECT_EQ(padded.sequences.count, 1);
  EXPECT_EQ(padded.size(), 2);
}

TEST(TextRows, TheFirstLargestIdStandsForTheTextAndAStartAloneHasNoValidToken) {
  const TokenIds twice = {90, 91, 5, 91}, start = {90};
  const TextRows rows = make_text_rows({&twice, &start}, {});
  expect_equal(rows.eot_R, int64s({1, 0}));
  expect_equal(rows.offsets_R1, int64s({0, 3, 3}));
  expect_equal(rows.sequences.offsets_S1, int32s({0, 4, 4}));  // all of `start` is there already
  EXPECT_EQ(token_ids(rows), (std::vector<TokenIds>{twice, start}));
}

TEST(TextRows, OfAGivenWidthAreValidWhereTheTextIs) {
  const TextRows rows = make_text_rows({&kShort, &kLong}, {.pad_id = 1, .width = 6});
  expect_equal(rows.ids_M, int64s({90, 91, 1, 1, 1, 1, 90, 5, 0, 7, 91, 1}));
  EXPECT_TRUE(rows.sequences.is_uniform());
  EXPECT_EQ(rows.sequences.longest, 6);
  expect_equal(rows.offsets_R1, int64s({0, 2, 7}));
  EXPECT_EQ(token_ids(rows), (std::vector<TokenIds>{kShort, kLong}));
  EXPECT_THROW(make_text_rows({&kLong}, {.width = 4}), c10::Error);
  EXPECT_THROW(make_text_rows({}, {}), c10::Error);
  const TokenIds nothing;
  EXPECT_THROW(make_text_rows({&kLong, &nothing}, {}), c10::Error);
}

TEST(TextRows, InPartsAreAllOfThemInOrder) {
  const TokenIds other = {90, 5, 8, 91};
  for (const TextLayout& layout : {TextLayout{}, TextLayout{.pad_id = 1, .width = 6}}) {
    const TextRows rows = make_text_rows({&kLong, &other, &kShort, &kLong, &other}, layout);
    const auto parts = in_parts(rows, 2);
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(token_ids(parts[0]), (std::vector<TokenIds>{kLong, other}));
    EXPECT_EQ(token_ids(parts[1]), (std::vector<TokenIds>{kShort, kLong, other}));
    EXPECT_EQ(parts[1].sequences.is_uniform(), layout.width > 0);
    EXPECT_EQ(parts[0].tokens_V.size(0) + parts[1].tokens_V.size(0), rows.tokens_V.size(0));
  }
}

TEST(TextRoles, GroupsAreFoundByName) {
  TextRoles roles;
  roles.owner_R = torch::tensor({0, 1, 1});
  roles.add(kCaptions, torch::tensor({{0}, {1}}));
  roles.add("foils", torch::tensor({{-1}, {2}}));
  EXPECT_TRUE(torch::equal(roles.captions_B(), torch::tensor({0, 1})));
  EXPECT_TRUE(torch::equal(roles.rows_BN("foils"), torch::tensor({{-1}, {2}})));
  EXPECT_TRUE(roles.has("foils"));
  EXPECT_FALSE(roles.has(kNegatives));
  EXPECT_THROW(roles.negatives_BN(), c10::Error);
  EXPECT_THROW(roles.add("foils", torch::tensor({{1}})), c10::Error) << "there is one";
  EXPECT_THROW(roles.add("flat", torch::tensor({1})), c10::Error) << "no [B,N]";
}

TEST(TextRoles, WithReplacesAGroupAndToTakesAllOfThem) {
  TextRoles roles;
  roles.owner_R = torch::tensor({0});
  roles.add(kCaptions, torch::tensor({{0}}));
  roles.add(kNegatives, torch::tensor({{-1}}));
  const TextRoles other = roles.with(kNegatives, torch::tensor({{7}})).to(torch::kCPU);
  EXPECT_EQ(other.negatives_BN().item<int64_t>(), 7);
  EXPECT_EQ(roles.negatives_BN().item<int64_t>(), -1);
  EXPECT_EQ(other.groups().size(), 2u);
  EXPECT_TRUE(torch::equal(other.owner_R, roles.owner_R));
}

TEST(Batch, GoesToADeviceWithAllItsTensors) {
  const TokenIds other = {90, 5, 0, 8, 91};
  Batch batch;
  batch.images = torch::zeros({2, 3, 1, 1}, torch::kUInt8);
  batch.texts = make_text_rows({&kLong, &other, &kShort}, {});
  batch.text_parts = in_parts(batch.texts, 2);
  batch.roles.owner_R = int64s({0, 1, 1});
  batch.roles.add(kCaptions, int64s({0, 1}).unsqueeze(1));
  const Batch there = batch.to(torch::kMeta);
  for (const TextRows* texts : {&there.texts, &there.text_parts[0], &there.text_parts[1]}) {
    for (const auto& tensor : {texts->ids_M, texts->positions_M, texts->sequence_R, texts->eot_R, texts->tokens_V,
                               texts->offsets_R1, texts->sequences.offsets_S1})
      EXPECT_TRUE(tensor.is_meta());
    EXPECT_EQ(texts->sequences.count, texts->size());
  }
  EXPECT_TRUE(there.texts.sequences.keys_K.is_meta() && there.texts.sequences.key_offsets_S1.is_meta());
  EXPECT_FALSE(there.text_parts[0].sequences.shares()) << "what is not there stays so";
  EXPECT_TRUE(there.images.is_meta() && there.roles.owner_R.is_meta() && there.roles.captions_B().is_meta());
  EXPECT_TRUE(batch.texts.ids_M.is_cpu()) << "a copy";
}

}  // namespace
}  // namespace fsc
