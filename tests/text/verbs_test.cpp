// Lemmas of verbs: exceptions, endings, and words that no rule knows.
#include "text/detail_verbs.h"

#include <gtest/gtest.h>

#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

test::ByteWriter rules() {
  test::ByteWriter bytes;
  bytes.u32(2).string("held").strings({"hold"}).string("lay").strings({"lay", "lie"});
  bytes.strings({"ride", "rid", "walk", "lie"});
  bytes.u32(4).string("ing").string("e").string("ing").string("").string("s").string("").string("ay").string("ie");
  return bytes;
}

Verbs verbs() {
  const test::ByteWriter bytes = rules();
  Reader reader = bytes.reader();
  return Verbs(reader);
}

TEST(Verbs, EndingsOfKnownVerbs) {
  EXPECT_EQ(verbs().lemma("walking"), "walk");
  EXPECT_EQ(verbs().lemma("Walks"), "walk");
  EXPECT_EQ(verbs().lemma("riding"), "rid") << "of several known verbs that of the last ending, as in spaCy";
}

TEST(Verbs, ExceptionsGoFirstUnlessAnEndingGivesThem) {
  EXPECT_EQ(verbs().lemma("HELD"), "hold");
  EXPECT_EQ(verbs().lemma("lay"), "lay") << "'lie' is given by an ending, 'lay' is not";
}

TEST(Verbs, UnknownWords) {
  EXPECT_EQ(verbs().lemma("zorbing"), "zorbe") << "the first ending that fits";
  EXPECT_EQ(verbs().lemma("Zorb"), "Zorb") << "none fits: the word as it is written";
  EXPECT_EQ(verbs().lemma("re-zorbing"), "re-zorbe");
  EXPECT_EQ(verbs().lemma("s"), "s") << "nothing would be left";
  EXPECT_EQ(verbs().lemma(""), "");
}

TEST(Verbs, CutFilesAreRefused) {
  const std::string bytes = rules().text();
  for (size_t size = 0; size < bytes.size(); ++size) {
    Reader reader(std::string_view(bytes).substr(0, size), "cut.bin");
    EXPECT_THROW(Verbs{reader}, Error) << size;
  }
}

}  // namespace
}  // namespace fsc::detail
