// Regular expressions: matches, context, and texts that would hold a backtracking engine up.
#include "text/detail_regex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/expect_error.h"

namespace fsc::detail {
namespace {

TEST(Regex, FindsTheFirstMatchFromAPlaceOn) {
  const Regex regex("(?<=[a-z])-|…", "here");
  const std::string text = "-a-b…";
  const auto first = regex.find(text);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->begin, 2U);
  EXPECT_EQ(first->end, 3U);
  const auto second = regex.find(text, first->end);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->begin, 4U);
  EXPECT_EQ(second->size(), 3U);
  EXPECT_FALSE(regex.find(text, second->end));
  EXPECT_TRUE(regex.find("a-", 1)) << "a look-behind sees what stands before";
  EXPECT_FALSE(regex.find(""));
}

TEST(Regex, ClassesAreUnicodes) {
  const Regex regex("^\\w+\\x{301}?\\d$", "here");
  EXPECT_TRUE(regex.find("猫é٣"));
  EXPECT_TRUE(regex.find("e\u03017"));
  EXPECT_FALSE(regex.find("a b7"));
}

TEST(Regex, ABadPatternIsAnErrorThatNamesWhere) {
  test::expect_error([] { Regex("(a", "tokenizer.bin, prefixes"); }, ExitCode::kFailed,
                     {"tokenizer.bin, prefixes", "cannot be compiled", "at byte 2", "scripts/setup"});
  test::expect_error([] { Regex("\xFF", "here"); }, ExitCode::kFailed, {"cannot be compiled"});
}

TEST(Regex, GivesUpRatherThanTryForEver) {
  const Regex regex("^(?:a+)+$", "here");
  EXPECT_TRUE(regex.find(std::string(1000, 'a')));
  EXPECT_FALSE(regex.find(std::string(1000, 'a') + "b"));
}

TEST(Regex, IsSharedByThreads) {
  const Regex regex("b+", "here");
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 2000; ++i) {
        const size_t begin = i % 50;
        const auto match = regex.find(std::string(begin, 'a') + std::string(t + 1, 'b') + "c");
        wrong[t] += !match || match->begin != begin || match->size() != t + 1;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
}

}  // namespace
}  // namespace fsc::detail
