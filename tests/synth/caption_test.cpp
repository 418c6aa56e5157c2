// Captions are true, negatives are false, and both are said in many ways; checked by reading the words back.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "synth/detail_rows.h"
#include "synth/parse_caption.h"

namespace fsc::synth {
namespace {

constexpr std::array kAllEdits = {Edit::kAddAtt,     Edit::kAddObj,  Edit::kReplaceAtt, Edit::kReplaceObj,
                                  Edit::kReplaceRel, Edit::kSwapAtt, Edit::kSwapObj};

/// Truth from the picture's geometry alone, without the code under test.
bool shows(const Scene& scene, const Statement& s) {
  std::vector<const Thing*> found;
  for (const Mention& mention : s.mentions) {
    const Thing* match = nullptr;
    for (const Thing& thing : scene.things)
      if (thing.shape == mention.shape && thing.colour == mention.colour && (!mention.size || *mention.size == thing.size))
        match = &thing;
    if (!match) return false;
    found.push_back(match);
  }
  if (found.size() < 2 || s.relation == Relation::kWith) return true;
  const Thing &a = *found[0], &b = *found[1];
  const double dx = a.x - b.x, dy = a.y - b.y, gap = std::hypot(dx, dy);
  const bool nested = gap < std::max(a.radius, b.radius) * 0.5;
  switch (s.relation) {
    case Relation::kInside:
      return nested && a.radius < b.radius;
    case Relation::kAround:
      return nested && a.radius > b.radius;
    case Relation::kLeftOf:
      return !nested && -dx > std::abs(dy);
    case Relation::kRightOf:
      return !nested && dx > std::abs(dy);
    case Relation::kAbove:
      return !nested && -dy > std::abs(dx);
    case Relation::kBelow:
      return !nested && dy > std::abs(dx);
    default:
      return false;
  }
}

size_t size_of_difference(const Statement& a, const Statement& b) {
  size_t differences = a.relation != b.relation;
  for (size_t i = 0; i < std::min(a.mentions.size(), b.mentions.size()); ++i) differences += a.mentions[i] != b.mentions[i];
  return differences + std::max(a.mentions.size(), b.mentions.size()) - std::min(a.mentions.size(), b.mentions.size());
}

TEST(Say, CanBeReadBack) {
  for (uint64_t i = 0; i < 4000; ++i) {
    Rng rng({21, i});
    const Scene scene = draw_scene(HeldOut(i % 7), Split::kTrain, 1 + static_cast<int>(i % 3), rng);
    const Statement statement = describe(scene, rng);
    const std::string words = say(statement, rng.next());
    ASSERT_EQ(test::parse_caption(words), statement) << words;
  }
}

TEST(Say, IsVariedAndFixedByItsKey) {
  const Statement s{{{Shape::kCircle, Colour::kRed, Size::kSmall}, {Shape::kCross, Colour::kPurple, std::nullopt}},
                    Relation::kLeftOf};
  std::set<std::string> ways;
  for (uint64_t key = 0; key < 300; ++key) {
    ways.insert(say(s, key));
    EXPECT_EQ(say(s, key), say(s, key));
  }
  EXPECT_GT(ways.size(), 150U);
}

TEST(Say, ChangesOnlyTheWordsOfAnEdit) {
  const Mention a{Shape::kCircle, Colour::kRed, std::nullopt}, b{Shape::kStar, Colour::kOrange, std::nullopt};
  for (uint64_t key = 0; key < 200; ++key) {
    const std::string words = say({{a, b}, Relation::kAbove}, key),
                      other = say({{a, {Shape::kStar, Colour::kGreen, std::nullopt}}, Relation::kAbove}, key);
    std::string expected = words;
    for (const std::string from : {"an orange", "An orange", "orange"}) {
      const size_t at = expected.find(from);
      if (at == std::string::npos) continue;
      expected.replace(at, from.size(), from == "orange" ? "green" : from == "an orange" ? "a green" : "A green");
      break;
    }
    EXPECT_EQ(other, expected);
  }
}

TEST(Say, UsesTheRightArticle) {
  for (uint64_t key = 0; key < 300; ++key) {
    const std::string words = " " + say({{{Shape::kRing, Colour::kOrange, std::nullopt}}, Relation::kAlone}, key);
    EXPECT_EQ(words.find(" a orange"), std::string::npos) << words;
    EXPECT_EQ(words.find(" A orange"), std::string::npos) << words;
  }
}

TEST(Describe, IsTrue) {
  for (uint64_t i = 0; i < 2000; ++i) {
    Rng rng({22, i});
    const Scene scene = draw_scene(HeldOut(1), i % 2 ? Split::kTrain : Split::kTest, 1 + static_cast<int>(i % 3), rng);
    const Statement statement = describe(scene, rng);
    ASSERT_TRUE(shows(scene, statement)) << "scene " << i;
    ASSERT_TRUE(is_true(statement, scene)) << "scene " << i;
  }
}

TEST(Falsify, IsFalseAndMinimalForEachEdit) {
  std::map<Edit, int> made;
  for (uint64_t i = 0; i < 7000; ++i) {
    Rng rng({23, i});
    const Scene scene = draw_scene(HeldOut(2), Split::kTest, 1 + static_cast<int>(i % 3), rng);
    const Statement statement = describe(scene, rng);
    const Edit edit = kAllEdits[i % kEdits];
    const auto negative = falsify(statement, edit, scene, rng);
    if (!negative) continue;
    ++made[edit];
    ASSERT_FALSE(shows(scene, *negative)) << name_of(edit) << " of scene " << i;
    ASSERT_FALSE(is_true(*negative, scene)) << name_of(edit) << " of scene " << i;
    const bool adds = edit == Edit::kAddObj;
    EXPECT_EQ(negative->mentions.size(), statement.mentions.size() + adds);
    const bool swaps = edit == Edit::kSwapAtt || edit == Edit::kSwapObj;
    // Adding to a single thing also makes the relation "with".
    EXPECT_EQ(size_of_difference(statement, *negative), swaps || (adds && statement.mentions.size() == 1) ? 2U : 1U)
        << name_of(edit);
  }
  for (const Edit edit : kAllEdits) EXPECT_GT(made[edit], 100) << name_of(edit);
}

TEST(Falsify, DoesNotApplyToEverything) {
  Rng rng({24});
  const Scene alone = draw_alone(Shape::kStar, Colour::kBlue, rng);
  const Statement statement{{{Shape::kStar, Colour::kBlue, alone.things[0].size}}, Relation::kAlone};
  EXPECT_FALSE(falsify(statement, Edit::kSwapAtt, alone, rng));
  EXPECT_FALSE(falsify(statement, Edit::kSwapObj, alone, rng));
  EXPECT_FALSE(falsify(statement, Edit::kReplaceRel, alone, rng));
  EXPECT_FALSE(falsify(statement, Edit::kAddAtt, alone, rng));  // its size is said already
}

TEST(TrainingRow, IsTrueHasFalseNegativesAndNamesNothingHeldOut) {
  const HeldOut held_out(4);
  std::set<std::string> captions;
  for (uint64_t i = 0; i < 3000; ++i) {
    Rng rng({25, i});
    const Scene scene = draw_scene(held_out, Split::kTrain, 1 + static_cast<int>(i % 3), rng);
    const TrainRow row = training_row(scene, held_out, rng);
    captions.insert(row.caption);
    const Statement said = test::parse_caption(row.caption);
    ASSERT_TRUE(shows(scene, said)) << row.caption;
    ASSERT_FALSE(names_held_out(said, held_out)) << row.caption;
    ASSERT_GE(row.negatives.size(), 2U);
    ASSERT_LE(row.negatives.size(), 4U);
    EXPECT_EQ(std::set<std::string>(row.negatives.begin(), row.negatives.end()).size(), row.negatives.size());
    for (const std::string& negative : row.negatives) {
      const Statement denied = test::parse_caption(negative);
      ASSERT_FALSE(shows(scene, denied)) << negative << " | " << row.caption;
      ASSERT_FALSE(names_held_out(denied, held_out)) << negative;
    }
  }
  EXPECT_GT(captions.size(), 2000U);
}

TEST(TestItem, HasATrueCaptionWithARelationAndAFalseOne) {
  const HeldOut held_out(4);
  for (uint64_t i = 0; i < 1400; ++i) {
    Rng rng({26, i});
    const Scene scene = draw_scene(held_out, Split::kTest, 2 + static_cast<int>(i % 2), rng);
    const Edit edit = kAllEdits[i % kEdits];
    const TestItem item = test_item(scene, edit, held_out, rng);
    const Statement said = test::parse_caption(item.caption), denied = test::parse_caption(item.negative);
    ASSERT_TRUE(is_spatial(said.relation)) << item.caption;
    ASSERT_TRUE(shows(scene, said)) << item.caption;
    ASSERT_FALSE(shows(scene, denied)) << item.negative << " | " << item.caption;
    // What a test caption names, training never named.
    for (size_t k = 0; k < said.mentions.size(); ++k) {
      const Relation relation = k == 0 ? said.relation : k == 1 ? inverse(said.relation) : Relation::kWith;
      ASSERT_TRUE(held_out.contains({said.mentions[k].shape, said.mentions[k].colour, relation})) << item.caption;
    }
  }
}

TEST(NamesHeldOut, LooksAtEachMentionInItsOwnRelation) {
  const HeldOut held_out(6);
  for (size_t s = 0; s < kShapes; ++s)
    for (size_t c = 0; c < kColours; ++c) {
      const Mention mention{static_cast<Shape>(s), static_cast<Colour>(c), std::nullopt};
      EXPECT_EQ(names_held_out({{mention}, Relation::kAlone}, held_out),
                held_out.contains({mention.shape, mention.colour, Relation::kAlone}));
    }
}

TEST(PythonList, IsALiteral) {
  EXPECT_EQ(python_list({}), "[]");
  EXPECT_EQ(python_list({"a red star", "A blue ring."}), "['a red star', 'A blue ring.']");
}

}  // namespace
}  // namespace fsc::synth
