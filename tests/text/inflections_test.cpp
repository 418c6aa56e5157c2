// Inflected forms as pyinflect gives them, the case of words as Python sees it, and damaged tables.
#include "fsc/text/inflections.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/lexicon_bytes.h"

namespace fsc {
namespace {

using test::Bytes;

const Inflections& table() {
  static const auto kTable = Inflections::parse(test::model_file("inflections.bin"), "inflections.bin");
  return *kTable;
}

TEST(Inflections, FirstSpellingOfEveryTag) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"dog", "NN", "dog"},       {"dog", "NNS", "dogs"},
      {"man", "NNS", "men"},      {"goose", "NNS", "geese"},
      {"axis", "NNS", "axes"},    {"abacus", "NNS", "abacuses"},
      {"run", "VBG", "running"},  {"run", "VBD", "ran"},
      {"run", "VBN", "run"},      {"sit", "VBZ", "sits"},
      {"walk", "VBN", "walked"},  {"be", "VBZ", "is"},
      {"be", "VBD", "was"},       {"be", "VBP", "am"},
      {"can", "MD", "can"},       {"tall", "JJR", "taller"},
      {"tall", "JJS", "tallest"}, {"fast", "RBR", "faster"},
      {"only", "JJS", "onliest"}, {"will", "VBZ", "wills"},
      {"awake", "VBN", "awaked"}, {"methinks", "VBD", "methought"},
      {"wit", "VBP", "wot"},
  };
  for (const auto& [lemma, tag, form] : cases)
    EXPECT_EQ(table().find(lemma, tag).value_or("(none)"), form) << lemma << " " << tag;
}

TEST(Inflections, WithoutAFormThereIsNone) {
  EXPECT_FALSE(table().find("xyzzy", "NNS"));
  EXPECT_FALSE(table().find("dog", "VBX"));
  EXPECT_FALSE(table().find("dog", ""));
  EXPECT_FALSE(table().find("", "NN"));
  EXPECT_FALSE(table().find("dogs", "NNS")) << "a form is no lemma";
  EXPECT_FALSE(table().find("old_man", "NNS")) << "nor is a collocation";
}

TEST(Inflections, TheCaseOfTheWordIsKept) {
  EXPECT_EQ(table().inflect("man", "NNS"), "men");
  EXPECT_EQ(table().inflect("Man", "NNS"), "Men");
  EXPECT_EQ(table().inflect("MAN", "NNS"), "MEN");
  EXPECT_EQ(table().inflect("mAN", "NNS"), "men");
  EXPECT_EQ(table().inflect("A", "NN"), "A");
  EXPECT_EQ(table().inflect("Old_Man", "NNS"), "Old_Man") << "what the table does not have stays as it is";
  EXPECT_EQ(table().inflect("", "NN"), "");
}

TEST(Case, UpperAsInPython) {
  for (const char* text : {"A", "DOG", "TWO-WAY", "A1", "ÉCOLE", "TEE-SHIRT 2", "Σ"}) EXPECT_TRUE(is_upper_case(text)) << text;
  for (const char* text : {"", "12", "-", "Dog", "dog", "DOg", "École", "ǅ", "犬"}) EXPECT_FALSE(is_upper_case(text)) << text;
}

TEST(Case, TitleAsInPython) {
  for (const char* text : {"A", "Dog", "In Front Of", "Two-Way", "O'Clock", "1St", "École", "ǅ", "A1B"})
    EXPECT_TRUE(is_title_case(text)) << text;
  for (const char* text : {"", "12", "dog", "DOG", "In front", "O'clock", "1st", "DoG", "école", "犬"})
    EXPECT_FALSE(is_title_case(text)) << text;
}

TEST(Case, Conversions) {
  EXPECT_EQ(upper_case("in front of"), "IN FRONT OF");
  EXPECT_EQ(title_case("in front of"), "In Front Of");
  EXPECT_EQ(title_case("o'CLOCK tee-shirt 1st"), "O'Clock Tee-Shirt 1St");
  EXPECT_EQ(title_case(""), "");
}

std::string small_table() {
  Bytes bytes;
  bytes.pool({"NN", "NNS"}).pool({"", "cat", "cats", "void"});
  bytes.u32({2, 1, 3}).lists({{0, 1, 1, 2}, {0, 0, 1}});  // the second row is cut short in the middle of a pair
  return bytes.text();
}

TEST(Inflections, DamagedFilesAreRefused) {
  const auto parse = [](std::string_view bytes) { Inflections::parse(bytes, "forms.bin"); };
  test::expect_cuts_refused(small_table(), parse);
  test::expect_error([&] { parse(small_table().substr(0, 30)); }, ExitCode::kFailed, {"forms.bin", "scripts/setup"});
  test::expect_numbers_checked(small_table(), [](std::string_view bytes) {
    const auto table = Inflections::parse(bytes, "forms.bin");
    for (const char* word : {"cat", "Cat", "void", "VOID", "Void", ""}) {
      for (const char* tag : {"NN", "NNS"}) (void)table->inflect(word, tag);
    }
  });
}

}  // namespace
}  // namespace fsc
