// Order, look-up and uniqueness of named tensors.
#include "fsc/tensor/state_dict.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

TEST(StateDict, KeepsTheOrderAndFindsByName) {
  StateDict state;
  for (const char* name : {"z", "a", "m"}) state.add(name, torch::full({1}, name[0]));
  ASSERT_EQ(state.size(), 3u);
  EXPECT_EQ(state.entries()[0].first, "z");
  EXPECT_EQ(state.entries()[1].first, "a");
  EXPECT_EQ(state.entries()[2].first, "m");
  ASSERT_NE(state.find("a"), nullptr);
  EXPECT_EQ(state.find("a")->item<int>(), 'a');
  EXPECT_EQ(state.find("b"), nullptr);
}

TEST(StateDict, ANameIsGivenOnce) {
  StateDict state;
  state.add("w", torch::zeros({1}));
  EXPECT_THROW(state.add("w", torch::ones({1})), c10::Error);
  EXPECT_EQ(state.size(), 1u);
  EXPECT_EQ(state.find("w")->item<float>(), 0.0f);
}

}  // namespace
}  // namespace fsc
