// Draws scenes by rejection: cheap, and the law of what remains is easy to state.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "synth/detail_scene.h"

namespace fsc::synth {
namespace {

constexpr std::array kShapeNames = {"circle", "square", "triangle", "star", "cross", "ring", "heart", "diamond"};
constexpr std::array kColourNames = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "white"};
constexpr std::array kSizeNames = {"small", "large"};
constexpr std::array kRelationNames = {"alone", "left of", "right of", "above", "below", "inside", "around", "with"};
static_assert(kShapeNames.size() == kShapes && kColourNames.size() == kColours && kRelationNames.size() == kRelations);

constexpr uint64_t kHeldOutKey = 3;  // epoch slot of the stream that draws the pattern
constexpr uint64_t kSettings = 4;    // horizontal, vertical, nested, unrelated
constexpr double kMargin = 0.02;     // between an object and the border
constexpr double kOverlap = 0.85;    // least distance of two centres in sums of their radii: they may cover each other a little

uint64_t setting_of(Relation relation) {
  switch (relation) {
    case Relation::kLeftOf:
    case Relation::kRightOf:
      return 0;
    case Relation::kAbove:
    case Relation::kBelow:
      return 1;
    case Relation::kInside:
    case Relation::kAround:
      return 2;
    case Relation::kAlone:
    case Relation::kWith:
      break;
  }
  return 3;
}

bool fits(const HeldOut& held_out, Split split, const Combination& c) { return held_out.contains(c) == (split == Split::kTest); }

void place_anywhere(Thing& thing, Rng& rng) {
  const double edge = thing.radius + kMargin;
  thing.x = rng.uniform(edge, 1 - edge);
  thing.y = rng.uniform(edge, 1 - edge);
}

void give_size(Thing& thing, Size size, Rng& rng) {
  thing.size = size;
  thing.radius = size == Size::kSmall ? rng.uniform(0.13, 0.16) : rng.uniform(0.2, 0.24);
}

/// What stands alone fills more of the picture.
void place_alone(Thing& thing, Rng& rng) {
  if (thing.size == Size::kLarge) thing.radius = rng.uniform(0.26, 0.36);
  place_anywhere(thing, rng);
}

double distance(const Thing& a, const Thing& b) { return std::hypot(a.x - b.x, a.y - b.y); }

Thing draw_thing(Rng& rng) {
  Thing thing;
  thing.shape = static_cast<Shape>(rng.below(kShapes));
  thing.colour = static_cast<Colour>(rng.below(kColours));
  thing.angle = rng.uniform(-0.22, 0.22);
  give_size(thing, rng.chance(0.5) ? Size::kLarge : Size::kSmall, rng);
  return thing;
}

bool alike(const Thing& a, const Thing& b) { return a.shape == b.shape || a.colour == b.colour; }

/// Puts `inner` into the middle of `outer`, which grows to hold it (a ring's hole is half its radius).
void nest(Thing& inner, Thing& outer, Rng& rng) {
  outer.size = Size::kLarge;
  outer.radius = rng.uniform(0.3, 0.35);
  place_anywhere(outer, rng);
  inner.size = Size::kSmall;
  inner.radius = outer.radius * rng.uniform(0.4, 0.44);
  inner.x = outer.x + rng.uniform(-0.02, 0.02);
  inner.y = outer.y + rng.uniform(-0.02, 0.02);
}

void place_pair(Relation relation, Thing& a, Thing& b, Rng& rng) {
  if (relation == Relation::kInside) return nest(a, b, rng);
  if (relation == Relation::kAround) return nest(b, a, rng);
  const bool horizontal = relation == Relation::kLeftOf || relation == Relation::kRightOf;
  while (true) {
    place_anywhere(a, rng);
    place_anywhere(b, rng);
    const double dx = std::abs(a.x - b.x), dy = std::abs(a.y - b.y);
    const bool clear = horizontal ? dy < 0.5 * dx : dx < 0.5 * dy;  // nobody would call it by the other axis
    if (clear && holds(relation, a, b) && distance(a, b) > kOverlap * (a.radius + b.radius)) return;
  }
}

/// Adds a bystander, a small one when room is scarce; false when there is none at all.
bool add_bystander(const HeldOut& held_out, Split split, Scene& scene, Rng& rng) {
  for (int tries = 0; tries < 1000; ++tries) {
    Thing thing = draw_thing(rng);
    if (tries > 20) give_size(thing, Size::kSmall, rng);
    if (!fits(held_out, split, {thing.shape, thing.colour, Relation::kWith})) continue;
    place_anywhere(thing, rng);
    const bool room = std::all_of(scene.things.begin(), scene.things.end(), [&](const Thing& other) {
      return !alike(thing, other) && distance(thing, other) > kOverlap * (thing.radius + other.radius);
    });
    if (room) {
      scene.things.push_back(thing);
      return true;
    }
  }
  return false;
}

Scene draw_single(const HeldOut& held_out, Split split, Rng& rng) {
  Thing thing;
  do thing = draw_thing(rng);
  while (!fits(held_out, split, {thing.shape, thing.colour, Relation::kAlone}));
  place_alone(thing, rng);
  return {{thing}, Relation::kAlone};
}

Scene draw_pair(const HeldOut& held_out, Split split, Rng& rng) {
  constexpr std::array kSpatial = {Relation::kLeftOf, Relation::kRightOf, Relation::kAbove,
                                   Relation::kBelow,  Relation::kInside,  Relation::kAround};
  const Relation relation = kSpatial[rng.below(kSpatial.size())];
  Thing first, second;
  do first = draw_thing(rng);
  while (!fits(held_out, split, {first.shape, first.colour, relation}));
  do second = draw_thing(rng);
  while (alike(first, second) || !fits(held_out, split, {second.shape, second.colour, inverse(relation)}));
  place_pair(relation, first, second, rng);
  return {{first, second}, relation};
}

}  // namespace

const char* name_of(Shape shape) { return kShapeNames[static_cast<size_t>(shape)]; }
const char* name_of(Colour colour) { return kColourNames[static_cast<size_t>(colour)]; }
const char* name_of(Size size) { return kSizeNames[static_cast<size_t>(size)]; }
const char* name_of(Relation relation) { return kRelationNames[static_cast<size_t>(relation)]; }

bool is_spatial(Relation relation) { return relation != Relation::kAlone && relation != Relation::kWith; }

Relation inverse(Relation relation) {
  switch (relation) {
    case Relation::kLeftOf:
      return Relation::kRightOf;
    case Relation::kRightOf:
      return Relation::kLeftOf;
    case Relation::kAbove:
      return Relation::kBelow;
    case Relation::kBelow:
      return Relation::kAbove;
    case Relation::kInside:
      return Relation::kAround;
    case Relation::kAround:
      return Relation::kInside;
    default:
      return relation;
  }
}

std::vector<Combination> combinations_of(const Scene& scene) {
  std::vector<Combination> found;
  for (size_t i = 0; i < scene.things.size(); ++i) {
    const Relation relation = i == 0 ? scene.relation : i == 1 ? inverse(scene.relation) : Relation::kWith;
    found.push_back({scene.things[i].shape, scene.things[i].colour, relation});
  }
  return found;
}

HeldOut::HeldOut(uint64_t seed) {
  Rng rng = Rng::of(seed, kHeldOutKey, 0, Stream::kSynth);
  std::vector<uint8_t> order(kShapes);
  std::iota(order.begin(), order.end(), uint8_t{0});
  rng.shuffle(order);
  std::copy(order.begin(), order.end(), shape_rank_.begin());
  rng.shuffle(order);
  std::copy(order.begin(), order.end(), colour_rank_.begin());
}

bool HeldOut::contains(const Combination& c) const {
  const uint64_t cell = shape_rank_[static_cast<size_t>(c.shape)] + colour_rank_[static_cast<size_t>(c.colour)];
  return cell % kSettings == setting_of(c.relation);
}

Scene draw_scene(const HeldOut& held_out, Split split, int things, Rng& rng) {
  while (true) {
    Scene scene = things == 1 ? draw_single(held_out, split, rng) : draw_pair(held_out, split, rng);
    if (things < 3 || add_bystander(held_out, split, scene, rng)) return scene;
  }
}

Scene draw_alone(Shape shape, Colour colour, Rng& rng) {
  Thing thing = draw_thing(rng);
  thing.shape = shape;
  thing.colour = colour;
  place_alone(thing, rng);
  return {{thing}, Relation::kAlone};
}

bool holds(Relation relation, const Thing& a, const Thing& b) {
  const double dx = a.x - b.x, dy = a.y - b.y, gap = distance(a, b);
  const bool inside = gap + 0.5 * a.radius < b.radius, around = gap + 0.5 * b.radius < a.radius;
  const bool apart = !inside && !around;
  switch (relation) {
    case Relation::kLeftOf:
      return apart && dx < 0 && std::abs(dx) > std::abs(dy);
    case Relation::kRightOf:
      return apart && dx > 0 && std::abs(dx) > std::abs(dy);
    case Relation::kAbove:
      return apart && dy < 0 && std::abs(dy) > std::abs(dx);
    case Relation::kBelow:
      return apart && dy > 0 && std::abs(dy) > std::abs(dx);
    case Relation::kInside:
      return inside;
    case Relation::kAround:
      return around;
    case Relation::kWith:
      return true;
    case Relation::kAlone:
      break;
  }
  return false;
}

}  // namespace fsc::synth
