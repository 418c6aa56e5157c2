// The hash of weights: the same for the same values, whatever the file.
#include "fsc/weights/state_hash.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

StateDict two(const torch::Tensor& a, const torch::Tensor& b, bool swapped = false) {
  StateDict state;
  if (swapped)
    state.add("b", b), state.add("a", a);
  else
    state.add("a", a), state.add("b", b);
  return state;
}

TEST(StateHash, OfNamesShapesAndValuesOnly) {
  const auto a = torch::arange(6, torch::kFloat32).view({2, 3}), b = torch::full({}, 0.5f);
  const std::string hash = state_hash(two(a, b));
  EXPECT_EQ(hash.size(), 64u);
  StateDict noted = two(a, b, true);
  noted.metadata["step"] = "3";
  EXPECT_EQ(state_hash(noted), hash);
  EXPECT_EQ(state_hash(two(a.to(torch::kHalf), b.to(torch::kBFloat16))), hash) << "the values are exact in both";
  EXPECT_EQ(state_hash(two(a.t().contiguous().t(), b)), hash) << "strides are no part of it";

  EXPECT_NE(state_hash(two(a.view({3, 2}), b)), hash);
  EXPECT_NE(state_hash(two(a, b.view({1}))), hash);
  EXPECT_NE(state_hash(two(a, b + 1e-7f)), hash);
  StateDict renamed;
  renamed.add("a", a), renamed.add("c", b);
  EXPECT_NE(state_hash(renamed), hash);
  EXPECT_NE(state_hash(StateDict()), hash);
}

}  // namespace
}  // namespace fsc
