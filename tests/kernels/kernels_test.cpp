// The choice between fused and reference, and what a verification finds.
#include "fsc/kernels/kernels.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>

#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_dispatch.h"
#include "support/heard.h"

namespace fsc {
namespace {

using detail::KernelForm;
using detail::Tensors;

/// The square of one input, times `factor`; says that it was called.
KernelForm square(double factor, int& calls) {
  return [=, &calls](const Tensors& x) {
    ++calls;
    return Tensors{x[0] * x[0] * factor};
  };
}

struct Called {
  int fused = 0, reference = 0;
  Tensors run(const char* name, const torch::Tensor& x, double factor = 1) {
    return detail::run_kernel({name, 1e-5}, {x}, square(factor, fused), square(1, reference));
  }
};

torch::Tensor leaf(torch::ScalarType type = torch::kFloat32) {
  return torch::tensor({1.0, -2.0, 3.0}, torch::dtype(type)).set_requires_grad(true);
}

TEST(RunKernel, ChoosesByModeAndType) {
  Called called;
  called.run("chosen", leaf());
  EXPECT_EQ(called.fused, 1);
  called.run("chosen", leaf(torch::kBFloat16));
  EXPECT_EQ(called.fused, 2);
  called.run("chosen", leaf(torch::kFloat64));
  called.run("chosen", leaf(torch::kHalf));
  EXPECT_EQ(called.reference, 2);
  {
    const UseKernels reference(Kernels::kReference);
    called.run("chosen", leaf());
  }
  EXPECT_EQ(called.reference, 3);
  called.run("chosen", leaf());
  EXPECT_EQ(called.fused, 3);
}

TEST(VerifyKernels, RecordsTheLargestDifference) {
  const VerifyKernels verification;
  Called called;
  const auto x = leaf();
  const auto out = called.run("close", x, 1 + 1e-6)[0];
  EXPECT_EQ(called.reference, 1);
  EXPECT_EQ(called.fused, 2);
  out.sum().backward();
  EXPECT_TRUE(torch::allclose(x.grad(), 2 * x, 1e-5));
  called.run("close", x);
  ASSERT_EQ(verification.differences().size(), 1U);
  const auto found = verification.differences()[0];
  EXPECT_EQ(found.kernel, "close");
  EXPECT_GT(found.largest, 1e-7);
  EXPECT_LT(found.largest, 3e-6);
  EXPECT_FALSE(found.fell_back);
}

TEST(VerifyKernels, NothingIsComputedTwiceWithoutAGradient) {
  const VerifyKernels verification;
  Called called;
  called.run("evaluated", leaf().detach());
  {
    const torch::NoGradGuard no_grad;
    called.run("evaluated", leaf());
  }
  EXPECT_EQ(called.reference, 0);
  EXPECT_EQ(called.fused, 2);
}

TEST(VerifyKernels, AWrongKernelFallsBackForGoodAndSaysSo) {
  Called called;
  const auto x = leaf();
  {
    const test::Heard heard;
    const VerifyKernels verification;
    const auto out = called.run("wrong on purpose", x, 1.1)[0];
    EXPECT_TRUE(torch::equal(out, x * x)) << "the reference's from the first call on";
    ASSERT_EQ(verification.differences().size(), 1U);
    EXPECT_TRUE(verification.differences()[0].fell_back);
    EXPECT_NEAR(verification.differences()[0].largest, 0.1, 1e-3);
    EXPECT_NE(heard.text().find("wrong on purpose"), std::string::npos) << heard.text();
  }
  EXPECT_TRUE(torch::equal(called.run("wrong on purpose", x, 1.1)[0], x * x));
  EXPECT_EQ(called.fused, 1);
  EXPECT_TRUE(VerifyKernels().differences().empty()) << "a new one begins anew";
}

TEST(VerifyKernels, AWrongGradientIsFound) {
  const test::Heard heard;
  const VerifyKernels verification;
  const auto fused = [](const Tensors& x) { return Tensors{x[0] * x[0].detach()}; };
  const auto reference = [](const Tensors& x) { return Tensors{x[0] * x[0]}; };
  detail::run_kernel({"half a gradient", 1e-5}, {leaf()}, fused, reference);
  EXPECT_TRUE(verification.differences().at(0).fell_back);
}

TEST(VerifyKernels, NotANumberHasToBeOneInBoth) {
  const test::Heard heard;
  const VerifyKernels verification;
  const auto x = torch::tensor({1.0F, std::numeric_limits<float>::infinity()}).set_requires_grad(true);
  const auto plain = [](const Tensors& in) { return Tensors{in[0] - in[0].detach() + 1}; };
  detail::run_kernel({"not a number in both", 1e-5}, {x}, plain, plain);
  EXPECT_FALSE(verification.differences().at(0).fell_back);
  const auto other = [](const Tensors& in) {
    return Tensors{in[0] * 0 + in[0].detach() * 0 + 1 + (in[0] - in[0].detach()).nan_to_num()};
  };
  const auto zeros = [](const Tensors& in) { return Tensors{(in[0].nan_to_num() - in[0].detach().nan_to_num()) + 1}; };
  detail::run_kernel({"not a number in one", 1e-5}, {x}, other, zeros);
  EXPECT_TRUE(verification.differences().at(1).fell_back);
}

TEST(InstructionSet, TheBestUsableOneIsChosen) {
  const auto usable = detail::usable_instruction_sets();
  EXPECT_EQ(detail::instruction_set(), usable.back());
  {
    const detail::UseInstructionSet plain(detail::InstructionSet::kPortable);
    EXPECT_EQ(cpu_instruction_set(), "portable");
  }
  EXPECT_EQ(cpu_instruction_set(), detail::name_of(usable.back()));
}

}  // namespace
}  // namespace fsc
