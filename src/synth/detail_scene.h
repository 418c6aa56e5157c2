// What a scene is: objects, where they stand, and which combinations belong to training or to the tests.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fsc/core/rng.h"

namespace fsc::synth {

enum class Shape : uint8_t { kCircle, kSquare, kTriangle, kStar, kCross, kRing, kHeart, kDiamond };
enum class Colour : uint8_t { kRed, kOrange, kYellow, kGreen, kBlue, kPurple, kPink, kWhite };
enum class Size : uint8_t { kSmall, kLarge };
/// kAlone and kWith (a bystander) relate an object to the scene as a whole, the others to a second object.
enum class Relation : uint8_t { kAlone, kLeftOf, kRightOf, kAbove, kBelow, kInside, kAround, kWith };
inline constexpr size_t kShapes = 8, kColours = 8, kRelations = 8;

/// Plain names, as in world.json.
const char* name_of(Shape shape);
const char* name_of(Colour colour);
const char* name_of(Size size);
const char* name_of(Relation relation);

/// True for the six relations between two objects.
bool is_spatial(Relation relation);
/// B inverse(r) A where A r B; itself for kAlone and kWith.
Relation inverse(Relation relation);

/// Positions and radii in units of the image's side, y down, angle in radians.
struct Thing {
  Shape shape = Shape::kCircle;
  Colour colour = Colour::kRed;
  Size size = Size::kSmall;
  double x = 0.5, y = 0.5, radius = 0.1, angle = 0;
};

/// things[0] relation things[1]; things[2] stands by. No two things share a shape or a colour.
struct Scene {
  std::vector<Thing> things;
  Relation relation = Relation::kAlone;
};

/// An (object, attribute, relation) combination.
struct Combination {
  Shape shape;
  Colour colour;
  Relation relation;
};

/// The combinations that a scene shows: one per thing.
std::vector<Combination> combinations_of(const Scene& scene);

/// A Latin pattern over shapes and colours: each coloured shape is held out in exactly one setting, and in each setting two
/// shapes of each colour and two colours of each shape are.
class HeldOut {
 public:
  explicit HeldOut(uint64_t seed);
  bool contains(const Combination& c) const;

 private:
  std::array<uint8_t, kShapes> shape_rank_{};
  std::array<uint8_t, kColours> colour_rank_{};
};

enum class Split { kTrain, kTest };

/// Draws a scene of 1 to 3 things whose combinations are all free (kTrain) or all held out (kTest).
Scene draw_scene(const HeldOut& held_out, Split split, int things, Rng& rng);
/// The same for one given coloured shape, alone.
Scene draw_alone(Shape shape, Colour colour, Rng& rng);

/// Whether `a relation b` by geometry: a horizontal or vertical relation is the longer axis between the centres.
bool holds(Relation relation, const Thing& a, const Thing& b);

}  // namespace fsc::synth
