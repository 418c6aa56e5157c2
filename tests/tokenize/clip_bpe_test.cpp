// CLIP's BPE: pieces and merges against a plain implementation, truncation, long texts, threads, damaged vocabularies.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/tokenize/tokenizer.h"
#include "support/temp_dir.h"
#include "tokenize/plain_bpe.h"

namespace fsc {
namespace {

constexpr int64_t kStart = 49406, kEnd = 49407;
using Ids = std::vector<int64_t>;

const std::string& vocabulary() {
  static const std::string path = find_asset("bpe_simple_vocab_16e6.txt");
  return path;
}

const Tokenizer& tokenizer() {
  static const auto loaded = load_clip_tokenizer(vocabulary());
  return *loaded;
}

const test::PlainBpe& plain() {
  static const test::PlainBpe bpe(vocabulary());
  return bpe;
}

/// Ids of `words`, each of which must be one piece, by the plain implementation.
Ids plain_ids(const std::vector<std::string>& words) {
  Ids ids{kStart};
  for (const auto& word : words) {
    const Ids more = plain().word(word);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  ids.push_back(kEnd);
  return ids;
}

Ids encode(const std::string& text, int64_t context = 1'000'000) { return tokenizer().encode(text, context); }

TEST(ClipBpe, IsTheVocabularyThatClipHas) {
  EXPECT_EQ(tokenizer().vocab_size(), 49408);
  EXPECT_EQ(tokenizer().pad_id(), 0);
  EXPECT_EQ(tokenizer().fingerprint(), sha256_file(vocabulary()));
  EXPECT_EQ(encode("a photo of a cat"), (Ids{kStart, 320, 1125, 539, 320, 2368, kEnd}));
}

TEST(ClipBpe, EveryWholeWordOfTheVocabularyEncodesAsByPlainMerging) {
  int words = 0, single = 0;
  for (size_t id = 512; id < plain().spellings().size(); id += 3) {
    const std::string word = plain().spellings()[id];
    if (word.size() < 5 || !word.ends_with("</w>")) continue;
    const std::string letters = word.substr(0, word.size() - 4);
    if (letters.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != letters.npos) continue;
    const Ids ids = encode(letters);
    ASSERT_EQ(ids, plain_ids({letters}));
    ++words;
    single += ids == Ids{kStart, static_cast<int64_t>(id), kEnd};
  }
  EXPECT_GT(words, 8000);
  EXPECT_GT(single, words * 9 / 10);
}

TEST(ClipBpe, RandomWordsEncodeAsByPlainMerging) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::vector<std::string> letters = {"a", "e", "i", "n", "r",      "s",      "t",     "h",
                                            "o", "l", "q", "z", "\u00E9", "\u6F22", "\u0434"};
  for (int round = 0; round < 3000; ++round) {
    std::string word;
    if (round % 2 == 0) {
      for (size_t length = 1 + below(14); length > 0; --length) word += letters[below(letters.size())];
    } else {  // pieces of real words: many merges that compete
      for (size_t parts = 1 + below(5); parts > 0; --parts) {
        for (const char c : plain().spellings()[512 + below(30000)]) {
          if (c >= 'a' && c <= 'z') word += c;
        }
      }
    }
    if (word.empty()) continue;
    ASSERT_EQ(encode(word), plain_ids({word})) << word;
  }
  for (size_t length = 1; length <= 40; ++length) {  // pairs that overlap
    EXPECT_EQ(encode(std::string(length, 'a')), plain_ids({std::string(length, 'a')}));
    EXPECT_EQ(encode(std::string(length, '!')), plain_ids({std::string(length, '!')}));
  }
}

TEST(ClipBpe, CutsTextIntoPieces) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"it's don't we're I've I'm you'll he'd",
       {"it", "'s", "don", "'t", "we", "'re", "i", "'ve", "i", "'m", "you", "'ll", "he", "'d"}},
      {"'Twas 'round rock'n'roll", {"'t", "was", "'", "round", "rock", "'", "n", "'", "roll"}},
      {"'\u017F", {"'\u017F"}},  // the pattern ignores case, and a long s is an s
      {"year 2019", {"year", "2", "0", "1", "9"}},
      {"no. 5a\u00BD\u2167", {"no", ".", "5", "a", "\u00BD", "\u2177"}},
      {"wait... what?!", {"wait", "...", "what", "?!"}},
      {"well-lit (old) R&D", {"well", "-", "lit", "(", "old", ")", "r", "&", "d"}},
      {"a_b", {"a", "_", "b"}},
      {"\u0434\u043E\u043C\u6F22\u5B57 \U0001F600\U0001F600!", {"\u0434\u043E\u043C\u6F22\u5B57", "\U0001F600\U0001F600!"}},
      {"e\u0323x", {"\u1EB9x"}},
      {"x\u0301\u0323y", {"x", "\u0323\u0301", "y"}},  // marks are no letters
      {"b\u0345c", {"b", "c"}},                        // the one mark that the pattern passes over
      {"<b>", {"<", "b", ">"}},
  };
  for (const auto& [text, pieces] : cases) EXPECT_EQ(encode(text), plain_ids(pieces)) << text;
}

TEST(ClipBpe, SpecialTokensInTheTextAreSpecial) {
  EXPECT_EQ(encode("<start_of_text>A<End_Of_Text>"), (Ids{kStart, kStart, 320, kEnd, kEnd}));
  EXPECT_EQ(encode("<start_of_text"), plain_ids({"<", "start", "_", "of", "_", "text"}));
}

TEST(ClipBpe, EmptyTextsAreStartAndEnd) {
  for (const char* text : {"", " ", "\n\t", "\u3000", "\x01", "\uFEFF"}) EXPECT_EQ(encode(text), (Ids{kStart, kEnd}));
}

TEST(ClipBpe, TruncationKeepsTheEndMarkAndIsReported) {
  const std::string five = "a photo of a cat";
  const Ids all = encode(five);
  for (int64_t context = 1; context <= 9; ++context) {
    EncodeReport report;
    const Ids ids = tokenizer().encode(five, context, &report);
    EXPECT_EQ(report.truncated, context < 7) << context;
    Ids expected(all.begin(), all.begin() + std::min<int64_t>(context, 7));
    expected.back() = kEnd;
    EXPECT_EQ(ids, expected) << context;
    EXPECT_EQ(tokenizer().encode(five, context), expected) << "without a report";
  }
  EncodeReport report;
  tokenizer().encode("caf\xFF \u00C3\u00A9 " + five, 4, &report);
  EXPECT_TRUE(report.truncated && report.mojibake && report.invalid_utf8);
  tokenizer().encode(five, 77, &report);
  EXPECT_FALSE(report.truncated || report.mojibake || report.invalid_utf8);
  EXPECT_THROW(tokenizer().encode(five, 0), Error);
  EXPECT_THROW(tokenizer().encode(five, -3), Error);
}

TEST(ClipBpe, LongTextsAreEncodedWhole) {
  std::mt19937 random(3);
  std::string letters;
  for (int i = 0; i < 300'000; ++i) letters += static_cast<char>('a' + random() % 26);
  for (const std::string& word : {letters, std::string(300'000, 'a')}) {  // one word: merging must not be quadratic
    const Ids ids = encode(word);
    EXPECT_EQ(plain().text(ids), word + " ");
    EncodeReport report;
    Ids start(ids.begin(), ids.begin() + 77);
    start.back() = kEnd;
    EXPECT_EQ(tokenizer().encode(word, 77, &report), start);
    EXPECT_TRUE(report.truncated);
  }
  const std::string ten_thousand = letters.substr(0, 10'000);
  EXPECT_EQ(encode(ten_thousand), plain_ids({ten_thousand}));
  std::string caption;
  for (int i = 0; i < 10'000; ++i) caption += "Caf\u00E9 &amp; bar, ";
  const Ids ids = encode(caption);
  ASSERT_EQ(ids.size(), 2 + 10'000 * (encode("Caf\u00E9 &amp; bar, ").size() - 2));
  EXPECT_EQ(plain().text(ids).substr(0, 28), "caf\u00E9 & bar , caf\u00E9 & bar , ");
}

TEST(ClipBpe, ThreadsShareATokenizer) {
  std::vector<std::string> texts;
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    std::string text = i % 3 == 0 ? "\uFF23af\u00E9 &eacute; " : "A dog's ";
    for (int j = 0; j < 8; ++j) text += plain().spellings()[512 + random() % 40000].substr(0, 6) + " ";
    texts.push_back(text);
  }
  std::vector<Ids> expected;
  for (const auto& text : texts) expected.push_back(encode(text));
  const auto fresh = load_clip_tokenizer(vocabulary());
  std::vector<std::vector<Ids>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&mine, &texts, &fresh] {
      for (const auto& text : texts) mine.push_back(fresh->encode(text, 1'000'000));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : got) EXPECT_EQ(mine, expected);
}

/// The message for a vocabulary with these contents; it must name the file.
std::string refusal(const std::string& contents) {
  const test::TempDir dir;
  const auto path = dir.write("vocabulary.txt", contents);
  try {
    load_clip_tokenizer(path);
    ADD_FAILURE() << "the vocabulary was accepted";
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kFailed);
    const std::string message = error.what();
    EXPECT_NE(message.find(path.string() + ", line "), std::string::npos) << message;
    EXPECT_NE(message.find("run scripts/setup"), std::string::npos) << message;
    return message.substr(message.find(", line ") + 7);
  }
}

TEST(ClipBpe, DamagedVocabulariesAreRefusedWithTheLine) {
  std::ifstream file(vocabulary(), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const size_t first = whole.find('\n') + 1, second = whole.find('\n', first) + 1, third = whole.find('\n', second) + 1;
  const auto starts = [](const std::string& message, const std::string& start) {
    EXPECT_EQ(message.substr(0, start.size()), start) << message;
  };
  starts(refusal(""), "1: no #version");
  starts(refusal(whole.substr(first)), "1: no #version");
  starts(refusal("\x1F\x8B\x08" + whole.substr(first, 100)), "1: no #version");  // as if compressed
  starts(refusal(whole.substr(0, first)), "2: the file ends before its 48894 merges");
  starts(refusal(whole.substr(0, third)), "4: the file ends");
  starts(refusal(whole.substr(0, third - 2)), "3: no merge");
  starts(refusal(whole.substr(0, first) + "\n" + whole.substr(first)), "2: no merge");
  starts(refusal(whole.substr(0, second) + "qqq zzz\n" + whole.substr(second)), "3: no merge");
  starts(refusal(whole.substr(0, second) + whole.substr(first)), "3: this merge repeats");
  std::string windows;
  for (const char c : whole) windows += c == '\n' ? "\r\n" : std::string(1, c);
  starts(refusal(windows), "2: no merge");
}

TEST(ClipBpe, MissingAssetsSayHowToGetThem) {
  const test::TempDir dir;
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  const std::string absent = message([&] { load_clip_tokenizer(dir / "absent.txt"); });
  EXPECT_NE(absent.find((dir / "absent.txt").string()), std::string::npos) << absent;
  EXPECT_NE(absent.find("scripts/setup"), std::string::npos) << absent;
  const std::string folder = message([&] { load_clip_tokenizer(dir.path()); });
  EXPECT_NE(folder.find(dir.path().string()), std::string::npos) << folder;
  EXPECT_NE(folder.find("scripts/setup"), std::string::npos) << folder;
  const std::string asset = message([] { find_asset("no-such-vocabulary.txt"); });
  EXPECT_NE(asset.find("no-such-vocabulary.txt"), std::string::npos) << asset;
  EXPECT_NE(asset.find("scripts/setup"), std::string::npos) << asset;
}

}  // namespace
}  // namespace fsc
