// Lexical attributes: spaCy's symbols, norms, prefixes, suffixes and shapes.
#include "text/detail_lexicon.h"

#include <gtest/gtest.h>

#include "fsc/core/unicode.h"
#include "text/byte_writer.h"
#include "text/detail_hash.h"

namespace fsc::detail {
namespace {

const Lexicon& lexicon() {
  static const Lexicon kLexicon = [] {
    Reader reader(test::real_model_file("tokenizer.bin"), "tokenizer.bin");
    return Lexicon(reader);
  }();
  return kLexicon;
}

WordFeatures features(const std::string& word, const std::string& norm = "") {
  return lexicon().features(word, lower(word), norm);
}

TEST(WordShape, LettersDigitsAndRuns) {
  EXPECT_EQ(word_shape("Fur-12"), "Xxx-dd");
  EXPECT_EQ(word_shape("apple"), "xxxx");
  EXPECT_EQ(word_shape("McDonalds"), "XxXxxxx");
  EXPECT_EQ(word_shape("!!!!!!"), "!!!!");
  EXPECT_EQ(word_shape("É猫²½"), "Xxd½");
  EXPECT_EQ(word_shape(""), "");
  EXPECT_EQ(word_shape(std::string(99, 'a')), "xxxx");
  EXPECT_EQ(word_shape(std::string(100, 'a')), "LONG");
  EXPECT_EQ(word_shape(std::string("\0\0a", 3)), std::string("\0\0x", 3));
}

TEST(Lexicon, SymbolsHaveNumbersOfTheirOwn) {
  EXPECT_EQ(lexicon().number(""), 0U);
  EXPECT_EQ(lexicon().number("ORTH"), 65U);
  EXPECT_EQ(lexicon().number("NORM"), 67U);
  EXPECT_LT(lexicon().number("mark"), 1000U);
  EXPECT_EQ(lexicon().number("dog"), word_hash("dog"));
}

TEST(Lexicon, NormIsTheSpecialOneElseTheTablesElseLowerCase) {
  EXPECT_EQ(features("n't", "not").norm, word_hash("not"));
  EXPECT_EQ(features("favourite").norm, word_hash("favorite"));
  EXPECT_EQ(features("€").norm, word_hash("$"));
  EXPECT_EQ(features("Dog").norm, word_hash("dog"));
}

TEST(Lexicon, AffixesAreCountedInCharacters) {
  const WordFeatures word = features("Élan猫é");
  EXPECT_EQ(word.prefix, word_hash("É"));
  EXPECT_EQ(word.suffix, word_hash("n猫é"));
  EXPECT_EQ(features("ox").suffix, word_hash("ox"));
}

TEST(Lexicon, WhiteSpace) {
  EXPECT_TRUE(features(" \n").is_space);
  EXPECT_TRUE(features("\u00A0").is_space);
  EXPECT_FALSE(features("a").is_space);
  EXPECT_FALSE(features("\u200B").is_space);
}

TEST(Lexicon, CutFilesAreRefused) {
  const std::string bytes = test::ByteWriter().u32(1).string("ORTH").u64(65).u32(1).u64(7).string("norm").text();
  for (size_t size = 0; size < bytes.size(); ++size) {
    Reader reader(std::string_view(bytes).substr(0, size), "cut.bin");
    EXPECT_THROW(Lexicon{reader}, Error) << size;
  }
}

}  // namespace
}  // namespace fsc::detail
