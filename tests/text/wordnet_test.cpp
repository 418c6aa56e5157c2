// WordNet: base forms, the weights of replacements against NLTK's, a small net by hand, the cache, and damaged files.
#include "fsc/text/wordnet.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "fsc/core/digest.h"
#include "support/expect_error.h"
#include "text/detail_replacement_cache.h"
#include "text/lexicon_bytes.h"

namespace fsc {
namespace {

using test::Bytes;
using Words = std::vector<std::string>;

const WordNet& wordnet() {
  static const auto kNet = WordNet::parse(test::model_file("wordnet.bin"), "wordnet.bin");
  return *kNet;
}

std::map<std::string, uint32_t> weights(const WordNet& net, std::string_view word, WordClass word_class) {
  const auto list = net.replacements(word, word_class);
  std::map<std::string, uint32_t> result;
  uint32_t before = 0;
  for (size_t i = 0; i < list->size(); ++i) {
    const bool is_new = result.emplace(net.lemma(list->lemmas[i]), list->cumulative[i] - before).second;
    EXPECT_TRUE(is_new) << net.lemma(list->lemmas[i]) << " stands twice";
    before = list->cumulative[i];
  }
  return result;
}

TEST(Morphy, EndingsAndExceptions) {
  const std::tuple<const char*, WordClass, Words> cases[] = {
      {"dogs", WordClass::kNoun, {"dog"}},
      {"dog", WordClass::kNoun, {"dog"}},
      {"geese", WordClass::kNoun, {"goose"}},
      {"men", WordClass::kNoun, {"man", "men"}},
      {"axes", WordClass::kNoun, {"ax", "axis"}},
      {"boxes", WordClass::kNoun, {"box"}},
      {"churches", WordClass::kNoun, {"church"}},
      {"ladies", WordClass::kNoun, {"lady"}},
      {"running", WordClass::kVerb, {"run"}},
      {"sits", WordClass::kVerb, {"sit"}},
      {"was", WordClass::kVerb, {"be"}},
      {"smiling", WordClass::kVerb, {"smile"}},
      {"taller", WordClass::kAdjective, {"tall"}},
      {"happiest", WordClass::kAdjective, {"happy"}},
      {"best", WordClass::kAdjective, {"best", "good"}},
      {"slowly", WordClass::kAdverb, {"slowly"}},
      {"dogss", WordClass::kNoun, {"dog"}},
      {"xyzzy", WordClass::kNoun, {}},
      {"", WordClass::kNoun, {}},
      {"s", WordClass::kNoun, {"s"}},
      {"Dog", WordClass::kNoun, {}},
  };
  for (const auto& [word, word_class, bases] : cases) {
    const auto found = wordnet().morphy(word, word_class);
    EXPECT_EQ(std::set(found.begin(), found.end()), std::set(bases.begin(), bases.end())) << word;
  }
}

TEST(Morphy, EndlessWordsEndSoon) {
  for (const char* unit : {"s", "ses", "es", "ing", "ed", "er", "ies"}) {
    std::string word;
    while (word.size() < 100'000) word += unit;
    for (const auto word_class : {WordClass::kNoun, WordClass::kVerb, WordClass::kAdjective, WordClass::kAdverb}) {
      EXPECT_TRUE(wordnet().morphy(word, word_class).empty());
      EXPECT_EQ(wordnet().replacements(word, word_class)->size(), 0u);
    }
  }
}

TEST(WordNet, ReplacementsHaveTheReferencesWeights) {
  std::ifstream file(std::string(FSC_TEST_DATA) + "/text/replacements.json");
  const auto rows = nlohmann::json::parse(file);
  ASSERT_GT(rows.size(), 50u);
  const std::map<std::string, WordClass> classes = {
      {"n", WordClass::kNoun}, {"v", WordClass::kVerb}, {"a", WordClass::kAdjective}, {"r", WordClass::kAdverb}};
  for (const auto& row : rows) {
    const std::string word = row["word"];
    const auto found = weights(wordnet(), word, classes.at(row["class"]));
    std::string lines;
    uint64_t total = 0;
    for (const auto& [lemma, weight] : found) {
      lines += lemma + "\t" + std::to_string(weight) + "\n";
      total += weight;
    }
    EXPECT_EQ(found.size(), row["size"].get<size_t>()) << word;
    EXPECT_EQ(total, row["total"].get<uint64_t>()) << word;
    EXPECT_EQ(sha256_hex(lines), row["sha256"].get<std::string>()) << word;
  }
}

TEST(WordNet, CaseDoesNotMatter) {
  EXPECT_EQ(weights(wordnet(), "DOG", WordClass::kNoun), weights(wordnet(), "dog", WordClass::kNoun));
  EXPECT_EQ(weights(wordnet(), "ÉTÉ", WordClass::kNoun).size(), 0u);
}

/// animal > {pet > {dog, cat}, wild > {fox}}; hot <-> cold by antonymy; doggy (adjective) derives from dog, catty from cat.
std::string small_net() {
  Bytes bytes;
  bytes.pool({"animal", "cat", "catty", "cold", "dog", "doggy", "dogs", "fox", "hot", "hound", "pet", "wild"});
  bytes.u32({10}).u8({0, 0, 0, 0, 0, 0, 2, 2, 2, 2});
  // synsets:   0 animal 1 pet 2 wild 3 dog/hound 4 cat 5 fox 6 hot 7 cold 8 doggy 9 catty
  bytes.lists({{0}, {10}, {11}, {4, 9}, {1}, {7}, {8}, {3}, {5}, {2}});
  bytes.u32({9, 0, 0, 5, 0, 3, 7, 0, 8, 0, 2});                                      // senses 0 to 10
  bytes.lists({{}, {0}, {0}, {1}, {1}, {2}, {}, {}, {}, {}});                        // hypernyms
  bytes.lists({{1, 2}, {3, 4}, {5}, {}, {}, {}, {}, {}, {}, {}});                    // hyponyms
  bytes.lists({{}, {}, {}, {}, {}, {}, {}, {8}, {7}, {}, {}});                       // antonyms, sense to sense
  bytes.lists({{}, {}, {}, {9}, {}, {10}, {}, {}, {}, {3}, {5}});                    // derivations
  bytes.u32({7, 0, 1, 4, 7, 9, 10, 11}).lists({{0}, {4}, {3}, {5}, {3}, {1}, {2}});  // nouns
  bytes.u32({0}).lists({});                                                          // verbs
  bytes.u32({4, 2, 3, 5, 8}).lists({{9}, {7}, {8}, {6}});                            // adjectives
  bytes.u32({0}).lists({});                                                          // adverbs
  bytes.u32({1, 6}).lists({{4}});                                                    // dogs -> dog
  for (int i = 0; i < 3; ++i) bytes.u32({0}).lists({});
  return bytes.text();
}

TEST(WordNet, CousinsAntonymsAndDerivations) {
  const auto net = WordNet::parse(small_net(), "small");
  using Weights = std::map<std::string, uint32_t>;
  EXPECT_EQ(weights(*net, "dog", WordClass::kNoun), (Weights{{"cat", 3}, {"fox", 7}})) << "its own lemmas, hound, are left out";
  EXPECT_EQ(weights(*net, "Dogs", WordClass::kNoun), weights(*net, "dog", WordClass::kNoun));
  EXPECT_EQ(weights(*net, "fox", WordClass::kNoun), (Weights{{"cat", 3}, {"dog", 5}, {"hound", 1}})) << "a count of 0 weighs 1";
  EXPECT_EQ(weights(*net, "pet", WordClass::kNoun), Weights{}) << "there is no grandparent";
  EXPECT_EQ(weights(*net, "hot", WordClass::kAdjective), (Weights{{"cold", 8}}));
  EXPECT_EQ(weights(*net, "doggy", WordClass::kAdjective), (Weights{{"catty", 2}})) << "by way of the nouns";
  EXPECT_EQ(weights(*net, "dog", WordClass::kVerb), Weights{});
}

TEST(WordNet, DamagedFilesAreRefused) {
  const auto parse = [](std::string_view bytes) { WordNet::parse(bytes, "net.bin"); };
  test::expect_cuts_refused(small_net(), parse);
  test::expect_error([&] { parse(small_net().substr(0, 100)); }, ExitCode::kFailed, {"net.bin", "byte", "scripts/setup"});
  std::string unsorted = small_net();
  unsorted.replace(unsorted.find("animal"), 6, "zebras");
  test::expect_error([&] { parse(unsorted); }, ExitCode::kFailed, {"net.bin", "out of order"});
}

TEST(WordNet, EveryNumberOfAFileIsChecked) {
  test::expect_numbers_checked(small_net(), [](std::string_view bytes) {
    const auto net = WordNet::parse(bytes, "net.bin");
    for (const char* word : {"dog", "dogs", "hot", "doggy", "fox"}) {
      for (const auto word_class : {WordClass::kNoun, WordClass::kVerb, WordClass::kAdjective, WordClass::kAdverb})
        (void)net->replacements(word, word_class);
    }
  });
}

std::shared_ptr<const Replacements> list_of(size_t size) {
  auto list = std::make_shared<Replacements>();
  list->lemmas.resize(size);
  list->cumulative.resize(size);
  return list;
}

TEST(ReplacementCache, StaysWithinItsBudgetAndKeepsWhatIsAskedFor) {
  constexpr size_t kBudget = 1 << 20;
  detail::ReplacementCache cache(kBudget);
  int made_hot = 0;
  for (int i = 0; i < 5000; ++i) {
    cache.get("hot", [&] { return ++made_hot, list_of(10); });
    cache.get("word" + std::to_string(i), [&] { return list_of(100); });
    ASSERT_LE(cache.bytes(), kBudget);
  }
  EXPECT_EQ(made_hot, 1);
}

TEST(ReplacementCache, AListLargerThanItsShareIsGivenButNotKept) {
  detail::ReplacementCache cache(1 << 16);
  EXPECT_EQ(cache.get("huge", [] { return list_of(1 << 20); })->size(), 1u << 20);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(WordNet, ThreadsSeeTheSameLists) {
  const auto net = WordNet::parse(test::model_file("wordnet.bin"), "wordnet.bin");
  const Words words = {"dog", "man", "horse", "street", "red", "run", "tree", "woman", "bus", "tall", "eat", "slowly"};
  std::vector<size_t> sizes(16);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < sizes.size(); ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < words.size(); ++i) {
          for (const auto word_class : {WordClass::kNoun, WordClass::kVerb, WordClass::kAdjective, WordClass::kAdverb})
            sizes[t] += net->replacements(words[(i + t) % words.size()], word_class)->size();
        }
      });
    }
  }
  EXPECT_GT(sizes[0], 5000u);
  for (const size_t size : sizes) EXPECT_EQ(size, sizes[0]);
}

}  // namespace
}  // namespace fsc
