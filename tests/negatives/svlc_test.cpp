// TSVLC's rules: words of a list give way to others of the same list.
#include <gtest/gtest.h>

#include <algorithm>

#include "negatives/captions.h"
#include "negatives/detail_svlc_words.h"

namespace fsc {
namespace {

const NegativeGenerator& svlc() {
  static const auto kSvlc = make_svlc(nullptr);
  return *kSvlc;
}

TEST(Svlc, ListsAreSortedWithEachWordOnce) {
  const auto& lists = detail::svlc_words();
  ASSERT_EQ(lists.size(), 8u);
  const size_t sizes[] = {34, 47, 104, 48, 71, 185, 5, 5};
  for (size_t i = 0; i < lists.size(); ++i) {
    EXPECT_EQ(lists[i].size(), sizes[i]);
    EXPECT_TRUE(std::is_sorted(lists[i].begin(), lists[i].end()));
    EXPECT_EQ(std::adjacent_find(lists[i].begin(), lists[i].end()), lists[i].end());
    for (const auto word : lists[i]) EXPECT_FALSE(word.empty() || word.front() == ' ' || word.back() == ' ') << word;
  }
}

TEST(Svlc, ANumberGivesWayToAnother) {
  test::expect_law(test::outcomes(svlc(), test::analyse("Two xyzzys"), 4000),
                   {{"One xyzzys", .25}, {"Three xyzzys", .25}, {"Four xyzzys", .25}, {"Five xyzzys", .25}});
}

TEST(Svlc, TheWordChangesWhereverItStands) {
  const auto texts = svlc().support(test::analyse("two xyzzys, two plughs"));
  EXPECT_EQ(texts.size(), 4u);
  for (const auto& text : texts) {
    EXPECT_EQ(text.substr(0, text.find(' ')), text.substr(text.find(", ") + 2, text.rfind(' ') - text.find(", ") - 2)) << text;
  }
}

TEST(Svlc, WordsThatStandThereAlreadyAreNotPutIn) {
  test::expect_law(test::outcomes(svlc(), test::analyse("one two three four xyzzys"), 4000),
                   {{"five two three four xyzzys", .25},
                    {"one five three four xyzzys", .25},
                    {"one two five four xyzzys", .25},
                    {"one two three five xyzzys", .25}});
  EXPECT_TRUE(svlc().support(test::analyse("one two three four five xyzzys")).empty());
}

TEST(Svlc, ListsHaveTheSameChanceAndRepeatedWordsMore) {
  int numbers = 0, ones = 0;
  const auto caption = test::analyse("one purple xyzzy, one plugh, two frobs");
  for (const auto& [text, count] : test::outcomes(svlc(), caption, 6000)) {
    if (text.find("purple") == text.npos) continue;
    numbers += count;
    if (text.find("two frobs") != text.npos) ones += count;
  }
  EXPECT_NEAR(numbers, 3000, 200);
  EXPECT_NEAR(ones, 2000, 200);
}

TEST(Svlc, CaseAndFormMatter) {
  for (const char* text : {"", ".", "Red", "REDS", "xyzzy plugh"})
    EXPECT_TRUE(svlc().support(test::analyse(text)).empty()) << text;
}

}  // namespace
}  // namespace fsc
