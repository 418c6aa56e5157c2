// The whole pipeline: equal to spaCy, independent of batches and threads, and unshaken by any text.
#include "fsc/text/text_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "fsc/core/assets.h"
#include "fsc/core/unicode.h"

namespace fsc {
namespace {

using namespace std::string_literals;

const TextModel& model() { return *TextModel::shared(); }

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> unzipped_lines_of(const std::string& path) {
  std::vector<std::string> lines(1);
  FILE* pipe = ::popen(("zcat '" + path + "'").c_str(), "r");
  char buffer[4096];
  for (size_t count; pipe && (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    for (size_t i = 0; i < count; ++i) {
      if (buffer[i] == '\n')
        lines.emplace_back();
      else
        lines.back() += buffer[i];
    }
  EXPECT_EQ(pipe ? ::pclose(pipe) : -1, 0) << path;
  lines.pop_back();
  return lines;
}

std::vector<Analysis> analyse(const std::vector<std::string>& captions, size_t batch = 32, const TextModel& with = model()) {
  std::vector<Analysis> all;
  for (size_t begin = 0; begin < captions.size(); begin += batch) {
    const std::vector<std::string_view> part(captions.begin() + static_cast<ptrdiff_t>(begin),
                                             captions.begin() + static_cast<ptrdiff_t>(std::min(captions.size(), begin + batch)));
    for (Analysis& analysis : with.analyse(part)) all.push_back(std::move(analysis));
  }
  return all;
}

/// The line that the fixtures hold for a caption: "text tag pos dep head|" a token, a tab, "first-last," a noun chunk.
std::string line_of(const Analysis& analysis) {
  std::string line;
  for (size_t i = 0; i < analysis.tokens.size(); ++i) {
    const Token& token = analysis.tokens[i];
    std::string word(analysis.word(static_cast<int32_t>(i)));
    for (char& c : word)
      if (c == '\t' || c == '\n' || c == ' ') c = '_';
    line += word + " " + model().tags()[token.tag] + " " + pos_name(token.pos) + " " + model().dependencies()[token.dependency] +
            " " + std::to_string(token.head) + "|";
  }
  line += "\t";
  for (const Span& chunk : analysis.noun_chunks) line += std::to_string(chunk.first) + "-" + std::to_string(chunk.last) + ",";
  return line;
}

std::vector<std::string> lines_of(const std::vector<Analysis>& analyses) {
  std::vector<std::string> lines;
  for (const Analysis& analysis : analyses) lines.push_back(line_of(analysis));
  return lines;
}

void expect_equals(const std::vector<std::string>& captions, const std::vector<std::string>& expected) {
  ASSERT_EQ(captions.size(), expected.size());
  const auto got = lines_of(analyse(captions));
  for (size_t i = 0; i < captions.size(); ++i) EXPECT_EQ(got[i], expected[i]) << "line " << i + 1 << ": " << captions[i];
}

TEST(TextModel, AnalysisEqualsSpacy) {
  expect_equals(lines_of(FSC_TEST_DATA "/text/captions.txt"), lines_of(FSC_TEST_DATA "/text/spacy.txt"));
}

TEST(TextModel, AnalysisEqualsSpacyOnCaptionsOfCoco) {
  const std::string folder = FSC_SOURCE_DIR "/../shared/negatives/";
  if (!std::ifstream(folder + "coco2000.txt")) GTEST_SKIP() << "needs " << folder;
  expect_equals(lines_of(folder + "coco2000.txt"), unzipped_lines_of(folder + "spacy_coco2000.txt.gz"));
  expect_equals(lines_of(folder + "edge.txt"), lines_of(folder + "spacy_edge.txt"));
}

TEST(TextModel, LemmasOfVerbsEqualSpacys) {
  std::map<std::pair<std::string, std::string>, std::string> lemmas;  // by word and tag
  for (const std::string& line : lines_of(FSC_TEST_DATA "/text/verb_lemmas.tsv")) {
    const size_t first = line.find('\t'), second = line.find('\t', first + 1);
    lemmas[{line.substr(0, first), line.substr(first + 1, second - first - 1)}] = line.substr(second + 1);
  }
  size_t verbs = 0;
  for (const Analysis& analysis : analyse(lines_of(FSC_TEST_DATA "/text/captions.txt"))) {
    for (size_t i = 0; i < analysis.tokens.size(); ++i) {
      const Token& token = analysis.tokens[i];
      const std::string word(analysis.word(static_cast<int32_t>(i))), lemma = model().lemma(analysis, static_cast<int32_t>(i));
      if (token.pos != Pos::kVerb) {
        EXPECT_EQ(lemma, lower(word));
        continue;
      }
      const auto expected = lemmas.find({word, model().tags()[token.tag]});
      ASSERT_NE(expected, lemmas.end()) << word;
      EXPECT_EQ(lemma, expected->second) << analysis.text;
      ++verbs;
    }
  }
  EXPECT_GT(verbs, 100U);
}

TEST(TextModel, LemmasThatRulesGive) {
  const Analysis text = model().analyse("They ain't going home, he got wet.");
  EXPECT_EQ(model().lemma(text, 3), "go");
  const Analysis there = model().analyse("There's a dog.");
  ASSERT_EQ(there.tokens[1].pos, Pos::kVerb);
  EXPECT_EQ(model().lemma(there, 1), "be");
}

TEST(TextModel, BatchesChangeNothing) {
  const auto captions = lines_of(FSC_TEST_DATA "/text/captions.txt");
  const auto expected = lines_of(analyse(captions, 1));
  for (const size_t batch : {2, 7, 64, 1000}) EXPECT_EQ(lines_of(analyse(captions, batch)), expected) << batch;
  std::vector<std::string> reversed(captions.rbegin(), captions.rend()), got = lines_of(analyse(reversed, 50));
  EXPECT_EQ(std::vector<std::string>(got.rbegin(), got.rend()), expected);
}

TEST(TextModel, ThreadsChangeNothing) {
  const auto captions = lines_of(FSC_TEST_DATA "/text/captions.txt");
  const auto expected = lines_of(analyse(captions));
  for (const size_t count : {1, 4, 16}) {
    const auto fresh = TextModel::load(find_asset("text_model/manifest.json").parent_path());  // with cold caches
    std::vector<std::vector<std::string>> got(count);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < count; ++t) threads.emplace_back([&, t] { got[t] = lines_of(analyse(captions, 3 + t, *fresh)); });
    for (auto& thread : threads) thread.join();
    for (const auto& lines : got) EXPECT_EQ(lines, expected) << count << " threads";
  }
}

TEST(TextModel, Names) {
  EXPECT_EQ(model().tags().size(), 50U);
  EXPECT_EQ(model().tags()[model().tag("NNS")], "NNS");
  EXPECT_EQ(model().dependencies()[model().dependency("nsubj")], "nsubj");
  EXPECT_GE(model().tag("NO_SUCH_TAG"), model().tags().size());
  EXPECT_GE(model().dependency(""), model().dependencies().size());
  EXPECT_STREQ(pos_name(Pos::kNone), "");
  EXPECT_STREQ(pos_name(Pos::kPropn), "PROPN");
  EXPECT_STREQ(pos_name(Pos::kX), "X");
  EXPECT_EQ(model().fingerprint().size(), 64U);
  EXPECT_EQ(TextModel::shared(), TextModel::shared());
}

TEST(TextModel, SpansOfTheText) {
  const Analysis text = model().analyse("A big dog, asleep.");
  EXPECT_EQ(text.word(3), ",");
  EXPECT_EQ(text.text_of({1, 5}), "big dog, asleep");
  ASSERT_EQ(text.noun_chunks.size(), 1U);
  EXPECT_EQ(text.text_of(text.noun_chunks[0]), "A big dog");
  EXPECT_EQ(root_of(text, text.noun_chunks[0]), 2);
  EXPECT_FALSE(text.tokens[2].space_after);
  EXPECT_TRUE(text.tokens[3].space_after);
}

TEST(TextModel, NounChunksFollowChangedDependencies) {
  Analysis text = model().analyse("The dog is eating a bone.");
  ASSERT_EQ(text.noun_chunks, (std::vector<Span>{{0, 2}, {4, 6}}));
  EXPECT_EQ(model().noun_chunks(text), text.noun_chunks);
  text.tokens[1].dependency = model().dependency("amod");
  EXPECT_EQ(model().noun_chunks(text), (std::vector<Span>{{4, 6}}));
  text.tokens[1].dependency = 0xFFFF;
  EXPECT_EQ(model().noun_chunks(text), (std::vector<Span>{{4, 6}}));
}

/// What holds for every analysis.
void expect_sound(const Analysis& analysis) {
  const auto count = static_cast<int32_t>(analysis.tokens.size());
  ASSERT_LE(analysis.tokens.size(), TextModel::kMaxTokens);
  uint32_t end = 0;
  for (int32_t i = 0; i < count; ++i) {
    const Token& token = analysis.tokens[static_cast<size_t>(i)];
    ASSERT_EQ(token.begin, end);
    ASSERT_GT(token.end, token.begin);
    ASSERT_LE(token.end, analysis.text.size());
    end = token.end + (token.space_after ? 1 : 0);
    ASSERT_LT(token.tag, model().tags().size());
    ASSERT_LT(token.dependency, model().dependencies().size());
    ASSERT_NE(token.pos, Pos::kNone);
    int32_t steps = 0;
    for (int32_t at = i, head; (head = analysis.tokens[static_cast<size_t>(at)].head) != at; at = head) {
      ASSERT_TRUE(head >= 0 && head < count);
      ASSERT_LT(++steps, count) << "a cycle";
    }
  }
  int32_t last = 0;
  for (const Span& chunk : analysis.noun_chunks) {
    ASSERT_LE(last, chunk.first);
    ASSERT_LT(chunk.first, chunk.last);
    ASSERT_LE(chunk.last, count);
    const int32_t root = root_of(analysis, chunk);
    ASSERT_TRUE(root >= chunk.first && root < chunk.last);
    last = chunk.last;
  }
}

std::string repeated_to(const std::string& part, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  text.resize(bytes);
  return text;
}

TEST(TextModel, AnyTextIsAnalysed) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          ".",
                                                          "dog",
                                                          " ",
                                                          "\n",
                                                          "a",
                                                          "\0"s,
                                                          "a\0b \0 c"s,
                                                          "\xFF\xFE bad \xC3 bytes \xF0\x9F",
                                                          "🐶🐶 👩‍👩‍👧 🇫🇷",
                                                          "一只猫坐在沙发上。",
                                                          "e\u0301\u0302\u0303 \u0301",
                                                          "\u202Eright to left",
                                                          "العربية עברית",
                                                          "A\u00A0B\u3000C",
                                                          "((((((((((",
                                                          ":) :( :-)",
                                                          "''''''",
                                                          "http://",
                                                          "a@b",
                                                          "$1,000.00",
                                                          "\uFEFFdog"}) {
    const Analysis analysis = model().analyse(text);
    expect_sound(analysis);
    EXPECT_EQ(analysis.tokens.empty(), text.empty()) << text;
  }
  EXPECT_EQ(model().analyse("caf\xE9").text, "caf\uFFFD");
  EXPECT_TRUE(model().analyse(std::span<const std::string_view>()).empty());
}

TEST(TextModel, LongTextsAreCut) {
  const std::string words = repeated_to("dog ", 40'000);
  const Analysis analysis = model().analyse(words);
  expect_sound(analysis);
  EXPECT_EQ(analysis.tokens.size(), TextModel::kMaxTokens);
  EXPECT_EQ(analysis.text, words);
  EXPECT_EQ(model().analyse(repeated_to("dog ", 4 * TextModel::kMaxTokens)).tokens.size(), TextModel::kMaxTokens);
  EXPECT_EQ(model().analyse(repeated_to("dog ", 4 * TextModel::kMaxTokens - 4)).tokens.size(), TextModel::kMaxTokens - 1);
}

TEST(TextModel, NoTextHoldsItUp) {
  for (const char* part :
       {"abcdefg", "(", "'\"", "a.", "::@", "a:b@", "a-", "http://", "1,", "$1", "🐶", " ", "\t", "猫.", ":)", "www.a/"}) {
    for (const size_t bytes : {990, 100'000}) {
      const auto begin = std::chrono::steady_clock::now();
      expect_sound(model().analyse(repeated_to(part, bytes)));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      EXPECT_LT(seconds.count(), 20) << part << " x " << bytes;  // some 0.1 s; a busy machine and sanitizers take longer
    }
  }
}

}  // namespace
}  // namespace fsc
