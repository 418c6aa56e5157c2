// Which combinations are held out, and that scenes keep to their split and to what they say of themselves.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "synth/detail_render.h"
#include "synth/detail_scene.h"

namespace fsc::synth {
namespace {

constexpr std::array kDirections = {Relation::kLeftOf, Relation::kRightOf, Relation::kAbove,
                                    Relation::kBelow,  Relation::kInside,  Relation::kAround};

Rng stream(uint64_t index) { return Rng({11, index}); }

TEST(HeldOut, TakesEachColouredShapeOutOfOneSetting) {
  for (const uint64_t seed : {0, 1, 99}) {
    const HeldOut held_out(seed);
    std::map<Relation, int> taken;
    for (size_t shape = 0; shape < kShapes; ++shape)
      for (size_t colour = 0; colour < kColours; ++colour) {
        std::set<char> settings;  // horizontal, vertical, nested, unrelated
        for (size_t r = 0; r < kRelations; ++r) {
          const auto relation = static_cast<Relation>(r);
          const Combination here{static_cast<Shape>(shape), static_cast<Colour>(colour), relation};
          if (!held_out.contains(here)) continue;
          ++taken[relation];
          settings.insert("uhhvvnnu"[r]);
          EXPECT_TRUE(held_out.contains({here.shape, here.colour, inverse(relation)}));
        }
        EXPECT_EQ(settings.size(), 1U) << "shape " << shape << " colour " << colour;
      }
    for (size_t r = 0; r < kRelations; ++r) EXPECT_EQ(taken[static_cast<Relation>(r)], 16) << name_of(static_cast<Relation>(r));
  }
}

TEST(HeldOut, LeavesEachPairOfShapeColourAndRelationToTraining) {
  const HeldOut held_out(5);
  std::set<std::pair<size_t, size_t>> shape_colour, shape_relation, colour_relation;
  for (size_t s = 0; s < kShapes; ++s)
    for (size_t c = 0; c < kColours; ++c)
      for (size_t r = 0; r < kRelations; ++r) {
        if (held_out.contains({static_cast<Shape>(s), static_cast<Colour>(c), static_cast<Relation>(r)})) continue;
        shape_colour.emplace(s, c);
        shape_relation.emplace(s, r);
        colour_relation.emplace(c, r);
      }
  EXPECT_EQ(shape_colour.size(), kShapes * kColours);
  EXPECT_EQ(shape_relation.size(), kShapes * kRelations);
  EXPECT_EQ(colour_relation.size(), kColours * kRelations);
}

TEST(HeldOut, DependsOnTheSeed) {
  const HeldOut one(1), other(2);
  int differences = 0;
  for (size_t s = 0; s < kShapes; ++s)
    for (size_t c = 0; c < kColours; ++c) {
      const Combination alone{static_cast<Shape>(s), static_cast<Colour>(c), Relation::kAlone};
      differences += one.contains(alone) != other.contains(alone);
    }
  EXPECT_GT(differences, 0);
}

TEST(DrawScene, KeepsToItsSplit) {
  const HeldOut held_out(3);
  for (const Split split : {Split::kTrain, Split::kTest})
    for (uint64_t i = 0; i < 1500; ++i) {
      Rng rng = stream(i);
      const int things = 1 + static_cast<int>(i % 3);
      const Scene scene = draw_scene(held_out, split, things, rng);
      ASSERT_EQ(scene.things.size(), static_cast<size_t>(things));
      const auto shown = combinations_of(scene);
      ASSERT_EQ(shown.size(), scene.things.size());
      for (const auto& combination : shown) ASSERT_EQ(held_out.contains(combination), split == Split::kTest) << "scene " << i;
    }
}

TEST(DrawScene, PlacesThingsAsItsRelationSays) {
  const HeldOut held_out(3);
  std::map<Relation, int> drawn;
  for (uint64_t i = 0; i < 2000; ++i) {
    Rng rng = stream(i);
    const Scene scene = draw_scene(held_out, Split::kTrain, 2 + static_cast<int>(i % 2), rng);
    const Thing &a = scene.things[0], &b = scene.things[1];
    ++drawn[scene.relation];
    for (const Relation relation : kDirections) {
      EXPECT_EQ(holds(relation, a, b), relation == scene.relation) << "scene " << i << ": " << name_of(relation);
      EXPECT_EQ(holds(inverse(relation), b, a), relation == scene.relation) << "scene " << i << ": " << name_of(relation);
    }
    const double dx = std::abs(a.x - b.x), dy = std::abs(a.y - b.y);
    if (scene.relation == Relation::kLeftOf || scene.relation == Relation::kRightOf) {
      EXPECT_LT(dy, 0.5 * dx);
    }
    if (scene.relation == Relation::kAbove || scene.relation == Relation::kBelow) {
      EXPECT_LT(dx, 0.5 * dy);
    }
  }
  for (const Relation relation : kDirections) EXPECT_GT(drawn[relation], 200) << name_of(relation);
}

TEST(DrawScene, KeepsThingsApartInThePictureAndDifferent) {
  const HeldOut held_out(8);
  for (uint64_t i = 0; i < 1000; ++i) {
    Rng rng = stream(i);
    const Scene scene = draw_scene(held_out, i % 2 ? Split::kTrain : Split::kTest, 1 + static_cast<int>(i % 3), rng);
    for (const Thing& thing : scene.things) {
      EXPECT_GE(std::min(thing.x, thing.y) - thing.radius, -0.02);
      EXPECT_LE(std::max(thing.x, thing.y) + thing.radius, 1.02);
    }
    double largest_small = 0, smallest_large = 1;
    for (size_t k = 0; k < scene.things.size(); ++k) {
      const Thing& thing = scene.things[k];
      double& bound = thing.size == Size::kSmall ? largest_small : smallest_large;
      bound = thing.size == Size::kSmall ? std::max(bound, thing.radius) : std::min(bound, thing.radius);
      for (size_t j = 0; j < k; ++j) {
        EXPECT_NE(thing.shape, scene.things[j].shape);
        EXPECT_NE(thing.colour, scene.things[j].colour);
        const bool nested = j == 0 && k == 1 && (scene.relation == Relation::kInside || scene.relation == Relation::kAround);
        const double gap = std::hypot(thing.x - scene.things[j].x, thing.y - scene.things[j].y);
        if (!nested) {
          EXPECT_GT(gap, 0.8 * (thing.radius + scene.things[j].radius)) << "scene " << i;
        }
      }
    }
    EXPECT_LT(largest_small, smallest_large);
  }
}

TEST(DrawAlone, ShowsWhatIsAskedFor) {
  Rng rng = stream(1);
  const Scene scene = draw_alone(Shape::kHeart, Colour::kPink, rng);
  ASSERT_EQ(scene.things.size(), 1U);
  EXPECT_EQ(scene.things[0].shape, Shape::kHeart);
  EXPECT_EQ(scene.things[0].colour, Colour::kPink);
  EXPECT_EQ(scene.relation, Relation::kAlone);
}

/// Mean colour (BGR) of the pixels around the middle of a thing.
cv::Vec3d middle_colour(const cv::Mat& image, const Thing& thing) {
  cv::Vec3d sum(0, 0, 0);
  const int x = static_cast<int>(thing.x * image.cols), y = static_cast<int>(thing.y * image.rows);
  for (int j = -2; j <= 2; ++j)
    for (int i = -2; i <= 2; ++i) sum += cv::Vec3d(image.at<cv::Vec3b>(y + j, x + i)) / 25.0;
  return sum;
}

TEST(Render, PaintsTheThingInItsColour) {
  int painted = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    Rng rng = stream(i);
    const cv::Mat red = render(draw_alone(Shape::kSquare, Colour::kRed, rng), 64, rng);
    Rng again = stream(i);
    const Scene scene = draw_alone(Shape::kSquare, Colour::kRed, again);
    ASSERT_EQ(red.size(), cv::Size(64, 64));
    ASSERT_EQ(red.type(), CV_8UC3);
    const cv::Vec3d colour = middle_colour(red, scene.things[0]);
    const bool behind_twig = colour[2] < 1.5 * colour[1];
    if (!behind_twig) {
      EXPECT_GT(colour[2], 90) << "picture " << i;
      ++painted;
    }
  }
  EXPECT_GE(painted, 40) << "a twig hides few";
}

TEST(Render, VariesBackgroundsAndHidesParts) {
  // The same scene with other random numbers: corners differ far more than noise would explain, and some pictures have a twig
  // or noise over the thing.
  const Scene scene{{{Shape::kCircle, Colour::kBlue, Size::kLarge, 0.5, 0.5, 0.2, 0}}, Relation::kAlone};
  double darkest = 255, brightest = 0;
  int not_blue = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    Rng rng = stream(i);
    const cv::Mat image = render(scene, 64, rng);
    const cv::Scalar corner = cv::mean(image(cv::Rect(0, 0, 8, 8)));
    const double grey = (corner[0] + corner[1] + corner[2]) / 3;
    darkest = std::min(darkest, grey);
    brightest = std::max(brightest, grey);
    int odd = 0;
    for (int y = 24; y < 40; ++y)
      for (int x = 24; x < 40; ++x) odd += image.at<cv::Vec3b>(y, x)[0] < image.at<cv::Vec3b>(y, x)[2] + 40;
    not_blue += odd > 8;
  }
  EXPECT_GT(brightest - darkest, 50);
  EXPECT_GE(not_blue, 3);
  EXPECT_LE(not_blue, 40);
}

}  // namespace
}  // namespace fsc::synth
