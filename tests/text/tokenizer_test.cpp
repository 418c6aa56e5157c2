// Cutting texts as spaCy does. The expected words were given by spaCy 3.8.18.
#include "text/detail_tokenizer.h"

#include <gtest/gtest.h>

#include <map>

#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

using Words = std::vector<std::string>;

const Tokenizer& tokenizer() {
  static const Tokenizer kTokenizer = [] {
    Reader reader(test::real_model_file("tokenizer.bin"), "tokenizer.bin");
    return Tokenizer(reader);
  }();
  return kTokenizer;
}

/// Chunks without vectors, kept for one text.
class Chunks {
 public:
  const Chunk& operator()(std::string_view text) {
    const auto [place, is_new] = chunks_.try_emplace(std::string(text));
    if (is_new) {
      place->second.pieces = tokenizer().split(text);
      place->second.embedded.resize(place->second.pieces.size() * 2 * 96);
    }
    return place->second;
  }

 private:
  std::map<std::string, Chunk> chunks_;
};

/// The words of `text`, "_" behind those that a blank follows.
Words words(const std::string& text, size_t max_words = 1000) {
  Chunks chunks;
  Words found;
  uint32_t end = 0;
  for (const Word& word : tokenizer().tokenize(text, max_words, std::ref(chunks))) {
    EXPECT_EQ(word.begin, end) << text;
    end = word.end() + (word.space_after ? 1 : 0);
    found.push_back(text.substr(word.begin, word.piece->size) + (word.space_after ? "_" : ""));
  }
  if (max_words == 1000) {
    EXPECT_EQ(end, text.size()) << text;
  }
  return found;
}

TEST(Tokenizer, WordsAndPunctuation) {
  EXPECT_EQ(words("A dog, brown."), (Words{"A_", "dog", ",_", "brown", "."}));
  EXPECT_EQ(words("(\"really?\")"), (Words{"(", "\"", "really", "?", "\"", ")"}));
  EXPECT_EQ(words("...so…"), (Words{"...", "so", "…"}));
  EXPECT_EQ(words("well-known rock'n'roll"), (Words{"well", "-", "known_", "rock'n'roll"}));
  EXPECT_EQ(words("24-year-old's"), (Words{"24", "-", "year", "-", "old", "'s"}));
  EXPECT_EQ(words("$19.99 5kg 10am"), (Words{"$", "19.99_", "5", "kg_", "10", "am"}));
}

TEST(Tokenizer, SpecialCases) {
  EXPECT_EQ(words("Don't can't cannot"), (Words{"Do", "n't_", "ca", "n't_", "can", "not"}));
  EXPECT_EQ(words("gonna (don't)"), (Words{"gon", "na_", "(", "do", "n't", ")"}));
  EXPECT_EQ(words("Mr. Smith, e.g. :-)"), (Words{"Mr._", "Smith", ",_", "e.g._", ":-)"}));
}

TEST(Tokenizer, AddressesStayWhole) {
  EXPECT_EQ(words("see http://www.example.com/a?b=c."), (Words{"see_", "http://www.example.com/a?b=c", "."}));
  EXPECT_EQ(words("me@mail.com"), (Words{"me@mail.com"}));
  EXPECT_EQ(words("and/or his/her"), (Words{"and/or_", "his", "/", "her"}));
}

TEST(Tokenizer, WhiteSpace) {
  EXPECT_EQ(words(""), Words{});
  EXPECT_EQ(words(" "), (Words{" "}));
  EXPECT_EQ(words("   "), (Words{"   "}));
  EXPECT_EQ(words("a  b"), (Words{"a_", " ", "b"}));
  EXPECT_EQ(words("a b "), (Words{"a_", "b_"}));
  EXPECT_EQ(words(" a\n\nb"), (Words{" ", "a", "\n\n", "b"}));
  EXPECT_EQ(words("a\u00A0b"), (Words{"a", "\u00A0", "b"}));
}

TEST(Tokenizer, SpecialCasesThatCameApart) {
  // ")" and ":" are taken off one by one, then found to be a special case.
  EXPECT_EQ(words("family:)"), (Words{"family", ":)"}));
  EXPECT_EQ(words("family :) family: )"), (Words{"family_", ":)_", "family", ":_", ")"}));
}

TEST(Tokenizer, OtherScripts) {
  EXPECT_EQ(words("日本語。"), (Words{"日本語", "。"}));
  EXPECT_EQ(words("dog🐶!"), (Words{"dog", "🐶", "!"}));
  EXPECT_EQ(words("e\u0301cole «oui»"), (Words{"e\u0301cole_", "«", "oui", "»"}));
}

TEST(Tokenizer, StopsWhereNoMoreWordsAreWanted) {
  EXPECT_EQ(words("a b c d", 2), (Words{"a_", "b_"}));
  EXPECT_EQ(words("a b-c-d e", 3), (Words{"a_", "b", "-"}));
  EXPECT_EQ(words("a", 0), Words{});
}

TEST(Tokenizer, LongChunksStayWhole) {
  const std::string brackets(Affixes::kMaxChunk, '('), more = brackets + "(";
  EXPECT_EQ(words(brackets, 2000).size(), Affixes::kMaxChunk);
  EXPECT_EQ(words("a " + more, 2000), (Words{"a_", more}));
}

TEST(Tokenizer, PiecesCarryTheirFeatures) {
  const auto pieces = tokenizer().split("Can't");
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].lower, "ca");
  EXPECT_EQ(pieces[1].lower, "n't");
  EXPECT_EQ(pieces[0].features.norm, tokenizer().split("can")[0].features.norm);
  EXPECT_EQ(pieces[1].features.norm, tokenizer().split("not")[0].features.norm);
  EXPECT_NE(pieces[1].features.suffix, tokenizer().split("not")[0].features.suffix);
}

/// A tokenizer.bin without symbols and norms.
test::ByteWriter rules(const std::string& infix) {
  return test::ByteWriter().u32(0).u32(0).string("^\\(").string("\\)$").string(infix).string("^http:");
}

TEST(Tokenizer, BadRulesAreRefused) {
  const auto refuses = [](const test::ByteWriter& bytes, const std::string& part) {
    Reader reader = bytes.reader();
    test::expect_error([&] { Tokenizer{reader}; }, ExitCode::kFailed, {"by_hand.bin", part, "scripts/setup"});
  };
  refuses(rules("(-"), "infixes: the regular expression cannot be compiled");
  refuses(rules("-*"), "matches nothing at all");
  refuses(rules("-").u32(1).string("can't").u32(1).string("can").string(""), "do not make it up");
  refuses(rules("-").u32(1).string("").u32(0).u32(0), "special case without text");
  refuses(rules("-").u32(1).string("\xC3").u32(1).string("\xC3").string(""), "no valid UTF-8");
  refuses(rules("-").u32(1).string("é").u32(2).string("\xC3").string("").string("\xA9").string(""), "no valid UTF-8");
  refuses(rules("-").u32(1).string("x").u32(2).string("x").string("").string("").string(""), "empty word");
  refuses(rules("-").u32(1).string("x").u32(1).string("x"), "announces 1 entries");
  refuses(rules("-").u32(1).string("x").u32(1).string("x").u32(9), "ends early");
}

}  // namespace
}  // namespace fsc::detail
