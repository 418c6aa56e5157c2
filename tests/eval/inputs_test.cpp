// References to images and texts: which are the same, and their numbers.
#include "fsc/eval/inputs.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

TEST(Inputs, CountsDistinctOnes) {
  Inputs inputs;
  for (const char* path : {"a/b.jpg", "a/../a/./b.jpg", "a/c.jpg"}) inputs.add_image(ImageRef(path));
  for (const char* text : {"x", "y", "x"}) inputs.add_text(text);
  EXPECT_EQ(inputs.image(ImageRef("a/b.jpg")), 0);
  EXPECT_EQ(inputs.image(ImageRef("a/../a/./b.jpg")), 0);
  EXPECT_EQ(inputs.image(ImageRef("a/c.jpg")), 1);
  EXPECT_EQ(inputs.text("x"), 0);
  EXPECT_EQ(inputs.text("y"), 1);
  EXPECT_EQ(inputs.images().size(), 2u);
  EXPECT_EQ(inputs.texts().size(), 2u);
  EXPECT_ANY_THROW(inputs.text("z"));
}

TEST(Inputs, ACropTellsImagesApart) {
  const ImageRef whole("a/b.jpg"), part("a/b.jpg", PixelBox{1, 2, 3, 4}), other("a/b.jpg", PixelBox{1, 2, 3, 5});
  Inputs inputs;
  for (const auto& image : {whole, part, other, ImageRef("./a/b.jpg", PixelBox{1, 2, 3, 4})}) inputs.add_image(image);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{whole, part, other}));
  EXPECT_EQ(inputs.image(other), 2);
  EXPECT_EQ(whole.text(), "a/b.jpg");
  EXPECT_EQ(part.text(), "a/b.jpg (1, 2, 3, 4)");
  EXPECT_EQ(part.name(), "b.jpg (1, 2, 3, 4)");
}

}  // namespace
}  // namespace fsc
