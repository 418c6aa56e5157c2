// The fixed input by which two forms of a model are compared.
#include "fsc/weights/fixed_input.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fsc {
namespace {

using torch::Tensor;

ClipModel model_of(const std::string& name, uint64_t seed) {
  ClipModel model(ArchConfig::load(FSC_TEST_DATA "/models/" + name + ".json"));
  model->initialize(seed);
  return model;
}

TEST(FixedInput, IsTheSameForEveryModelOfTheseSizes) {
  for (const char* name : {"tiny-quickgelu", "tiny-siglip"}) {
    const auto one = fixed_input_features(*model_of(name, 1)), two = fixed_input_features(*model_of(name, 2));
    EXPECT_TRUE(torch::equal(one.pixels_B3SS, two.pixels_B3SS)) << name;
    EXPECT_TRUE(torch::equal(one.ids_RT, two.ids_RT)) << name;
    EXPECT_GT(largest_difference(one.images_BD, two.images_BD), 1e-3) << name;
    EXPECT_GT(largest_difference(one.texts_RD, two.texts_RD), 1e-3) << name;
  }
}

TEST(FixedInput, WeightsAloneGiveTheModelsFeatures) {
  ClipModel model = model_of("tiny-quickgelu", 1);
  const auto whole = fixed_input_features(*model);
  StateDict half;
  const StateDict state = state_dict(*model);
  for (const auto& [key, tensor] : state.entries()) half.add(key, tensor.to(torch::kHalf));
  const auto shared = fixed_input_features(model->arch(), state, "the weights");
  EXPECT_LT(largest_difference(shared.images_BD, whole.images_BD), 1e-6);
  EXPECT_LT(largest_difference(shared.texts_RD, whole.texts_RD), 1e-6);
  const auto rounded = fixed_input_features(model->arch(), half, "the weights");
  EXPECT_EQ(rounded.images_BD.scalar_type(), torch::kFloat32);
  EXPECT_LT(largest_difference(rounded.images_BD, whole.images_BD), 5e-3);
}

TEST(FixedInput, NaNIsTheLargestDifference) {
  const Tensor a = torch::zeros({2, 3}), b = torch::tensor({0.0F, 0.0F, -0.5F, 0.25F, 0.0F, 0.0F}).view({2, 3});
  EXPECT_EQ(largest_difference(a, b), 0.5);
  Tensor bad = b.clone();
  bad[1][2] = std::nanf("");
  EXPECT_EQ(largest_difference(a, bad), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace fsc
