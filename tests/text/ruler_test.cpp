// The attribute ruler with a few rules of its own.
#include "text/detail_ruler.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

using test::ByteWriter;

constexpr uint8_t kTag = 0, kLower = 1, kDependency = 2, kIsSpace = 3;
constexpr uint16_t kNN = 0, kVB = 1, kSpaceTag = 2, kRoot = 0, kDep = 1;

Names names(const std::vector<std::string>& all) {
  const ByteWriter bytes = ByteWriter().strings(all);
  Reader reader = bytes.reader();
  return Names(reader);
}

Ruler ruler(const ByteWriter& bytes) {
  Reader reader = bytes.reader();
  return Ruler(reader, names({"NN", "VB", "_SP"}), names({"ROOT", "dep"}));
}

ByteWriter& effect(ByteWriter& bytes, uint32_t index, uint16_t tag, Pos pos, uint16_t dependency, const std::string& lemma = "") {
  return bytes.u32(index).u16(tag).u8(static_cast<uint8_t>(pos)).u16(dependency).string(lemma);
}

/// 0: NN is a NOUN. 1: VB is a VERB. 2: "go" without the relation ROOT is an AUX. 3: VB before "home" becomes NN. 4: white space
/// becomes _SP. 5: "home" after a word has the lemma "house".
Ruler example() {
  ByteWriter bytes;
  bytes.u32(6);
  effect(bytes.u32(1).u32(1).u8(kTag).u8(0).u32(1).u16(kNN), 0, kNoName, Pos::kNoun, kNoName);
  effect(bytes.u32(1).u32(1).u8(kTag).u8(0).u32(1).u16(kVB), 0, kNoName, Pos::kVerb, kNoName);
  effect(bytes.u32(1).u32(2).u8(kLower).u8(0).strings({"go", "goes"}).u8(kDependency).u8(1).u32(1).u16(kRoot), 0, kNoName,
         Pos::kAux, kNoName);
  effect(bytes.u32(2).u32(1).u8(kTag).u8(0).u32(1).u16(kVB).u32(1).u8(kLower).u8(0).strings({"home"}), 0, kNN, Pos::kNone, kDep);
  effect(bytes.u32(1).u32(1).u8(kIsSpace).u8(0), 0, kSpaceTag, Pos::kSpace, kNoName);
  effect(bytes.u32(2).u32(0).u32(1).u8(kLower).u8(0).strings({"home"}), 1, kNoName, Pos::kNone, kNoName, "house");
  return ruler(bytes);
}

std::vector<Token> tokens(const std::vector<uint16_t>& tags, uint16_t dependency = kRoot) {
  std::vector<Token> made(tags.size());
  for (size_t i = 0; i < tags.size(); ++i) {
    made[i].tag = tags[i];
    made[i].dependency = dependency;
  }
  return made;
}

TEST(Ruler, RulesByTagWordRelationAndSpace) {
  auto found = tokens({kNN, kVB, kNN});
  example().apply(std::vector<RuleWord>{{"dogs", false}, {"go", false}, {" ", true}}, found);
  EXPECT_EQ(found[0].pos, Pos::kNoun);
  EXPECT_EQ(found[1].pos, Pos::kVerb);
  EXPECT_EQ(found[2].pos, Pos::kSpace) << "the later rule has the last word";
  EXPECT_EQ(found[2].tag, kSpaceTag);
}

TEST(Ruler, NegatedConditions) {
  auto found = tokens({kVB}, kDep);
  example().apply(std::vector<RuleWord>{{"goes", false}}, found);
  EXPECT_EQ(found[0].pos, Pos::kAux);
}

TEST(Ruler, MatchesBeforeItChanges) {
  auto found = tokens({kVB, kNN});
  example().apply(std::vector<RuleWord>{{"go", false}, {"home", false}}, found);
  EXPECT_EQ(found[0].tag, kNN);
  EXPECT_EQ(found[0].dependency, kDep);
  EXPECT_EQ(found[0].pos, Pos::kVerb) << "neither the new tag nor the new relation is matched";
}

TEST(Ruler, PatternsEndAtTheText) {
  auto found = tokens({kVB});
  example().apply(std::vector<RuleWord>{{"go", false}}, found);
  EXPECT_EQ(found[0].tag, kVB);
  std::vector<Token> none;
  example().apply({}, none);
}

TEST(Ruler, Lemmas) {
  const auto found = tokens({kVB, kNN, kNN});
  const std::vector<RuleWord> words{{"home", false}, {"home", false}, {"go", false}};
  EXPECT_EQ(example().lemma(words, found, 0), std::nullopt) << "no word before it";
  EXPECT_EQ(example().lemma(words, found, 1), "house");
  EXPECT_EQ(example().lemma(words, found, 2), std::nullopt);
}

TEST(Ruler, BadRulesAreRefused) {
  const auto refuses = [](const ByteWriter& bytes, const std::string& part) {
    test::expect_error([&] { ruler(bytes); }, ExitCode::kFailed, {"by_hand.bin", part, "scripts/setup"});
  };
  const auto rule = [](ByteWriter bytes, uint32_t index, uint16_t tag, uint8_t pos) {
    return bytes.u32(index).u16(tag).u8(pos).u16(kNoName).string("");
  };
  const ByteWriter one = ByteWriter().u32(1).u32(1).u32(0);
  refuses(rule(one, 1, kNoName, 1), "the token a rule changes 1 is not below 1");
  refuses(rule(one, 0, 3, 1), "name number 3");
  refuses(rule(one, 0, kNoName, 19), "part of speech number 19");
  refuses(rule(ByteWriter().u32(1).u32(0), 0, kNoName, 1), "without tokens");
  refuses(rule(ByteWriter().u32(1).u32(1).u32(1).u8(4).u8(0), 0, kNoName, 1), "of an unknown kind");
  refuses(rule(ByteWriter().u32(1).u32(1).u32(1).u8(0).u8(2), 0, kNoName, 1), "of an unknown kind");
  refuses(ByteWriter().u32(9).u32(1), "announces 9 entries");
}

}  // namespace
}  // namespace fsc::detail
