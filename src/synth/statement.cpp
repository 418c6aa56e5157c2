// What is said of a scene, whether it is true, and how to make it false with one edit.
#include <algorithm>
#include <array>

#include "synth/detail_caption.h"

namespace fsc::synth {
namespace {

constexpr double kSayRelation = 0.85, kSaySize = 0.35, kSayBystander = 0.6;

const Thing* find_thing(const Scene& scene, const Mention& mention) {
  for (const Thing& thing : scene.things) {
    const bool same = thing.shape == mention.shape && thing.colour == mention.colour;
    if (same && (!mention.size || *mention.size == thing.size)) return &thing;
  }
  return nullptr;
}

Mention mention_of(const Thing& thing, Rng& rng) {
  return {thing.shape, thing.colour, rng.chance(kSaySize) ? std::optional(thing.size) : std::nullopt};
}

Size other(Size size) { return size == Size::kSmall ? Size::kLarge : Size::kSmall; }

/// A value of 0..n-1 that is not `current`.
template <class Enum>
Enum another(Enum current, size_t n, Rng& rng) {
  return static_cast<Enum>((static_cast<uint64_t>(current) + 1 + rng.below(n - 1)) % n);
}

bool add_attribute(Statement& s, const Scene& scene, Rng& rng) {
  std::vector<size_t> unsized_mentions;
  for (size_t i = 0; i < s.mentions.size(); ++i)
    if (!s.mentions[i].size) unsized_mentions.push_back(i);
  if (unsized_mentions.empty()) return false;
  Mention& mention = s.mentions[rng.pick(unsized_mentions)];
  const Thing* thing = find_thing(scene, mention);
  if (!thing) return false;
  mention.size = other(thing->size);
  return true;
}

bool add_object(Statement& s, Rng& rng) {
  if (s.mentions.size() > 2) return false;
  s.mentions.push_back({static_cast<Shape>(rng.below(kShapes)), static_cast<Colour>(rng.below(kColours)), std::nullopt});
  if (s.relation == Relation::kAlone) s.relation = Relation::kWith;
  return true;
}

bool replace_attribute(Statement& s, Rng& rng) {
  Mention& mention = s.mentions[rng.below(s.mentions.size())];
  if (mention.size && rng.chance(0.4))
    mention.size = other(*mention.size);
  else
    mention.colour = another(mention.colour, kColours, rng);
  return true;
}

bool replace_object(Statement& s, Rng& rng) {
  Mention& mention = s.mentions[rng.below(s.mentions.size())];
  mention.shape = another(mention.shape, kShapes, rng);
  return true;
}

bool replace_relation(Statement& s, Rng& rng) {
  if (!is_spatial(s.relation)) return false;
  if (rng.chance(0.5)) {
    s.relation = inverse(s.relation);
    return true;
  }
  do s.relation = another(s.relation, kRelations, rng);
  while (!is_spatial(s.relation));
  return true;
}

bool swap_attributes(Statement& s) {
  if (s.mentions.size() < 2) return false;
  std::swap(s.mentions[0].colour, s.mentions[1].colour);
  return true;
}

bool swap_objects(Statement& s) {
  if (!is_spatial(s.relation)) return false;
  std::swap(s.mentions[0], s.mentions[1]);
  return true;
}

bool apply(Statement& s, Edit edit, const Scene& scene, Rng& rng) {
  switch (edit) {
    case Edit::kAddAtt:
      return add_attribute(s, scene, rng);
    case Edit::kAddObj:
      return add_object(s, rng);
    case Edit::kReplaceAtt:
      return replace_attribute(s, rng);
    case Edit::kReplaceObj:
      return replace_object(s, rng);
    case Edit::kReplaceRel:
      return replace_relation(s, rng);
    case Edit::kSwapAtt:
      return swap_attributes(s);
    case Edit::kSwapObj:
      return swap_objects(s);
  }
  return false;
}

/// No two mentions share a shape or a colour, as in every scene: "a red star and a red ring" would give itself away.
bool looks_like_a_scene(const Statement& s) {
  for (size_t i = 0; i < s.mentions.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (s.mentions[i].shape == s.mentions[j].shape || s.mentions[i].colour == s.mentions[j].colour) return false;
  return true;
}

std::vector<Combination> combinations_of(const Statement& statement) {
  std::vector<Combination> named;
  for (size_t i = 0; i < statement.mentions.size(); ++i) {
    const Relation relation = i == 0 ? statement.relation : i == 1 ? inverse(statement.relation) : Relation::kWith;
    named.push_back({statement.mentions[i].shape, statement.mentions[i].colour, relation});
  }
  return named;
}

}  // namespace

const char* name_of(Edit edit) {
  constexpr std::array kNames = {"add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj"};
  static_assert(kNames.size() == kEdits);
  return kNames[static_cast<size_t>(edit)];
}

bool is_true(const Statement& statement, const Scene& scene) {
  std::vector<const Thing*> things;
  for (const Mention& mention : statement.mentions) {
    const Thing* thing = find_thing(scene, mention);
    if (!thing || std::find(things.begin(), things.end(), thing) != things.end()) return false;
    things.push_back(thing);
  }
  return things.size() < 2 || holds(statement.relation, *things[0], *things[1]);
}

bool names_held_out(const Statement& statement, const HeldOut& held_out) {
  const auto named = combinations_of(statement);
  return std::any_of(named.begin(), named.end(), [&](const Combination& c) { return held_out.contains(c); });
}

bool names_only_held_out(const Statement& statement, const HeldOut& held_out) {
  const auto named = combinations_of(statement);
  return std::all_of(named.begin(), named.end(), [&](const Combination& c) { return held_out.contains(c); });
}

Statement describe(const Scene& scene, Rng& rng) {
  Statement s;
  s.relation = scene.relation;
  for (const Thing& thing : scene.things) s.mentions.push_back(mention_of(thing, rng));
  if (s.mentions.size() > 2 && !rng.chance(kSayBystander)) s.mentions.pop_back();
  if (s.mentions.size() < 2) return s;
  if (rng.chance(0.5)) {
    std::swap(s.mentions[0], s.mentions[1]);
    s.relation = inverse(s.relation);
  }
  if (!rng.chance(kSayRelation)) s.relation = Relation::kWith;
  return s;
}

std::optional<Statement> falsify(const Statement& statement, Edit edit, const Scene& scene, Rng& rng) {
  Statement s = statement;
  if (!apply(s, edit, scene, rng) || !looks_like_a_scene(s) || is_true(s, scene)) return std::nullopt;
  return s;
}

}  // namespace fsc::synth
