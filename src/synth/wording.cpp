// Turns statements into English of varied form; a wording is a key, each choice a function of (key, what is chosen).
#include <string>
#include <vector>

#include "synth/detail_caption.h"

namespace fsc::synth {
namespace {

using Words = std::vector<std::string>;

// The first word of a list is the commonest; the others share the rest.
const std::vector<Words> kShapeWords = {{"circle", "disc"},     {"square", "box"}, {"triangle"}, {"star"},
                                        {"cross", "plus sign"}, {"ring", "hoop"},  {"heart"},    {"diamond", "rhombus"}};
const std::vector<Words> kColourWords = {{"red"},  {"orange"},           {"yellow"}, {"green"},
                                         {"blue"}, {"purple", "violet"}, {"pink"},   {"white"}};
const std::vector<Words> kSizeWords = {{"small", "little", "tiny"}, {"large", "big", "huge"}};
const std::vector<Words> kRelationWords = {{},
                                           {"to the left of", "left of", "on the left of", "on the left side of"},
                                           {"to the right of", "right of", "on the right of", "on the right side of"},
                                           {"above", "over", "higher than"},
                                           {"below", "under", "beneath"},
                                           {"inside", "within", "in the middle of"},
                                           {"around", "surrounding", "enclosing"},
                                           {}};
// The same relations seen from the second thing: "a blue square with a red circle on its left".
const Words kOnItsSide = {"", "on its left", "on its right", "above it", "below it", "inside it", "around it", ""};

const Words kAloneForms = {"{A}",           "a picture of {A}", "there is {A}", "a photo of {A}", "an image with {A}",
                           "{A} by itself", "just {A}",         "we see {A}"};
const Words kRelatedForms = {"{A} {r} {B}",         "{A} is {r} {B}",       "there is {A} {r} {B}", "a picture of {A} {r} {B}",
                             "{A} that is {r} {B}", "{r} {B} there is {A}", "{B} with {A} {s}",     "{B} has {A} {s}"};
const Words kTogetherForms = {"{A} and {B}", "{A} with {B}", "there is {A} and {B}", "a picture of {A} and {B}",
                              "both {A} and {B}"};
// Never a bare "and": "left of a star and a ring" could mean left of both.
const Words kBystanderForms = {", and {C} too", ", along with {C}", ", {C} is there too", ", plus {C}"};
const Words kDeterminers = {"a", "the", "one"};

/// Keys of the choices, so that none depends on how many were made before it.
enum class Choice : uint64_t {
  kForm = 1,
  kBystander,
  kDeterminer,
  kCapital,
  kStop,
  kShape = 16,
  kColour = 32,
  kSize = 48,
  kRelation = 64
};

class Wording {
 public:
  explicit Wording(uint64_t key) : key_(key) {}

  Rng stream(Choice choice, uint64_t value = 0) const { return Rng({key_, static_cast<uint64_t>(choice) + value}); }

  const std::string& pick(const Words& words, Choice choice, uint64_t value = 0) const {
    Rng rng = stream(choice, value);
    return rng.chance(0.6) ? words.front() : rng.pick(words);
  }

  bool chance(Choice choice, double probability) const { return stream(choice).chance(probability); }

 private:
  uint64_t key_;
};

std::string phrase(const Mention& mention, const Wording& wording) {
  const auto shape = static_cast<size_t>(mention.shape), colour = static_cast<size_t>(mention.colour);
  std::string text;
  if (mention.size) {
    const auto size = static_cast<size_t>(*mention.size);
    text = wording.pick(kSizeWords[size], Choice::kSize, size) + " ";
  }
  text += wording.pick(kColourWords[colour], Choice::kColour, colour) + " ";
  text += wording.pick(kShapeWords[shape], Choice::kShape, shape);
  std::string determiner = wording.pick(kDeterminers, Choice::kDeterminer);
  if (determiner == "a" && text.front() == 'o') determiner = "an";
  return determiner + " " + text;
}

void substitute(std::string& text, const std::string& mark, const std::string& words) {
  if (const size_t at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), words);
}

std::string form_of(const Statement& s, const Wording& wording) {
  if (s.mentions.size() == 1) return wording.pick(kAloneForms, Choice::kForm);
  const Words& forms = is_spatial(s.relation) ? kRelatedForms : kTogetherForms;
  std::string form = wording.pick(forms, Choice::kForm);
  if (s.mentions.size() > 2) form += wording.pick(kBystanderForms, Choice::kBystander);
  return form;
}

}  // namespace

std::string say(const Statement& statement, uint64_t key) {
  const Wording wording(key);
  std::string text = form_of(statement, wording);
  if (is_spatial(statement.relation)) {
    const auto relation = static_cast<size_t>(statement.relation);
    substitute(text, "{r}", wording.pick(kRelationWords[relation], Choice::kRelation, relation));
    substitute(text, "{s}", kOnItsSide[relation]);
  }
  const char* const marks[] = {"{A}", "{B}", "{C}"};
  for (size_t i = 0; i < statement.mentions.size(); ++i) substitute(text, marks[i], phrase(statement.mentions[i], wording));
  if (wording.chance(Choice::kCapital, 0.4)) text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (wording.chance(Choice::kStop, 0.3)) text += '.';
  return text;
}

}  // namespace fsc::synth
