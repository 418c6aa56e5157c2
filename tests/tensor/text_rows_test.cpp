// Rows of tokens, and the groups that say what each row is.
#include "fsc/tensor/text_rows.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

const TokenIds kLong = {90, 5, 0, 7, 91}, kShort = {90, 91};

TEST(TextRows, AreAsWideAsTheLongestTextAndSkipStartAndZeros) {
  const TextRows rows = make_text_rows({&kLong, &kShort}, {});
  EXPECT_TRUE(torch::equal(rows.ids_RT, torch::tensor({{90, 5, 0, 7, 91}, {90, 91, 0, 0, 0}}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(rows.valid_RT, torch::tensor({{false, true, false, true, true}, {false, true, false, false, false}})));
  EXPECT_EQ(rows.size(), 2);
}

TEST(TextRows, OfAGivenWidthAreValidWhereTheTextIs) {
  const TextRows rows = make_text_rows({&kShort, &kLong}, {.pad_id = 1, .width = 6});
  EXPECT_TRUE(torch::equal(rows.ids_RT, torch::tensor({{90, 91, 1, 1, 1, 1}, {90, 5, 0, 7, 91, 1}}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(rows.valid_RT.sum(1), torch::tensor({2, 5}, torch::kInt64)));
  EXPECT_THROW(make_text_rows({&kLong}, {.width = 4}), c10::Error);
  EXPECT_THROW(make_text_rows({}, {}), c10::Error);
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

}  // namespace
}  // namespace fsc
