// The fused sigmoid loss against its reference in double: shapes, columns of others, extreme logits, NaN, threads, memory.
#include "fsc/kernels/contrastive.h"
#include "kernels/against_double.h"
#include "kernels/counting_allocator.h"

namespace fsc {
namespace {

struct SigmoidCase {
  std::string name = {};
  int64_t rows = 0, width = 64, world = 0, offset = 0;
  bool strided = false;
};

torch::Tensor sigmoid_features(int64_t rows, int64_t width, int64_t seed) {
  torch::manual_seed(seed);
  const auto x = torch::randn({rows, width});
  return x / x.norm(2, 1, true);
}

/// Images, texts, scale, bias, then the world's texts.
std::vector<torch::Tensor> sigmoid_inputs(const SigmoidCase& c, torch::ScalarType dtype, float scale = 12, float bias = -4) {
  const auto scalars = dtype == torch::kFloat64 ? dtype : torch::kFloat32;
  std::vector<torch::Tensor> inputs{sigmoid_features(c.rows, c.width, 1).to(dtype),
                                    sigmoid_features(c.rows, c.width, 2).to(dtype), torch::tensor(scale).to(scalars),
                                    torch::tensor(bias).to(scalars)};
  if (c.world > 0) inputs.push_back(sigmoid_features(c.world, c.width, 3).to(dtype));
  if (!c.strided) return inputs;
  for (auto& x : inputs)
    if (x.dim() == 2) x = x.t().contiguous();
  return inputs;
}

test::ScalarFunction sigmoid_of(const SigmoidCase& c) {
  return [c](const std::vector<torch::Tensor>& x) {
    const auto features = [&](size_t i) { return c.strided ? x[i].t() : x[i]; };
    WorldColumns columns{.offset = c.offset};
    if (c.world > 0) columns.image_WD = features(4), columns.text_WD = features(4);
    return sigmoid_loss(features(0), features(1), x[2], x[3], columns);
  };
}

const std::vector<SigmoidCase> kSigmoidCases = {
    {.name = "1", .rows = 1},
    {.name = "31", .rows = 31},
    {.name = "32", .rows = 32},
    {.name = "33", .rows = 33},
    {.name = "257", .rows = 257},
    {.name = "1,037: tiles of full size and a rest", .rows = 1037, .width = 16},
    {.name = "strided", .rows = 33, .strided = true},
    {.name = "world", .rows = 31, .world = 93, .offset = 31},
    {.name = "one row of a world", .rows = 1, .world = 300, .offset = 299},
};

/// At every size, also where ATen's operations would be chosen.
class SigmoidKernel : public testing::Test {
  UseKernels always_{Kernels::kFusedAlways};
};

TEST_F(SigmoidKernel, EqualsTheReferenceInDouble) {
  for (const auto& c : kSigmoidCases)
    for (const auto dtype : {torch::kFloat32, torch::kBFloat16})
      test::expect_near_double(sigmoid_of(c), sigmoid_inputs(c, dtype), 1e-5, c.name + " " + c10::toString(dtype));
}

TEST_F(SigmoidKernel, EveryInstructionSetEqualsTheReference) {
  test::for_each_instruction_set([] {
    for (const auto& c : kSigmoidCases)
      if (c.rows == 33) test::expect_near_double(sigmoid_of(c), sigmoid_inputs(c, torch::kFloat32), 1e-5, c.name);
  });
}

TEST_F(SigmoidKernel, DifferencesAreItsGradientsInDouble) {
  const SigmoidCase c{.rows = 2, .width = 4, .world = 5, .offset = 2};
  test::expect_gradcheck(sigmoid_of(c), sigmoid_inputs(c, torch::kFloat64));
}

TEST_F(SigmoidKernel, ExtremeLogitsKeepTheirPrecision) {
  const SigmoidCase c{.rows = 40};
  for (const auto& [scale, bias] : {std::pair{100.0F, -16.0F}, {100.0F, 60.0F}, {5.0F, -30.0F}})
    test::expect_near_double(sigmoid_of(c), sigmoid_inputs(c, torch::kFloat32, scale, bias), 1e-4, std::to_string(bias));
}

TEST_F(SigmoidKernel, NanAndInfinityGoWhereTheyGoInTheReference) {
  for (const auto& c : {SigmoidCase{.rows = 33}, SigmoidCase{.rows = 20, .world = 40, .offset = 20}}) {
    for (const float value : {NAN, INFINITY, -INFINITY}) {
      const auto inputs = sigmoid_inputs(c, torch::kFloat32);
      for (size_t i = 0; i < inputs.size(); ++i) {
        auto bad = inputs;
        bad[i] = bad[i].clone();
        bad[i].flatten()[bad[i].numel() / 2] = value;
        test::expect_same_finiteness(sigmoid_of(c), bad, std::to_string(value) + " in input " + std::to_string(i));
      }
    }
  }
}

TEST_F(SigmoidKernel, ThreadsDoNotChangeABit) {
  for (const auto& c : kSigmoidCases) test::expect_same_bits_for_all_threads(sigmoid_of(c), sigmoid_inputs(c, torch::kFloat32));
}

TEST_F(SigmoidKernel, KeepsItsInputsOnly) {
  constexpr int64_t kRows = 1024;
  const auto image = sigmoid_features(kRows, 8, 1).requires_grad_(), text = sigmoid_features(kRows, 8, 2).requires_grad_();
  const auto scale = torch::tensor(10.0F).requires_grad_(), bias = torch::tensor(-10.0F).requires_grad_();
  const test::Bytes bytes = test::bytes_of([&] { return sigmoid_loss(image, text, scale, bias); });
  EXPECT_LE(bytes.kept, 64U);
  EXPECT_LT(bytes.peak, kRows * kRows * sizeof(float) / 2);
}

}  // namespace
}  // namespace fsc
