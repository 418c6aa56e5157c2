// The fused contrastive loss against its reference in double: shapes, columns of others, large scales, NaN, threads, memory.
#include "fsc/kernels/contrastive.h"

#include "kernels/against_double.h"
#include "kernels/counting_allocator.h"

namespace fsc {
namespace {

struct ContrastiveCase {
  std::string name = {};
  int64_t rows = 0, width = 64;
  int64_t extra = -1;  ///< columns; -1 = undefined
  bool masked = false, strided = false;
  int64_t world = 0, offset = 0;  ///< rows of all processes; 0 = alone
};

torch::Tensor unit_features(int64_t rows, int64_t width, int64_t seed) {
  torch::manual_seed(seed);
  const auto x = torch::randn({rows, width});
  return x / x.norm(2, 1, true);
}

/// Images, texts, scale, then further columns.
std::vector<torch::Tensor> contrastive_inputs(const ContrastiveCase& c, torch::ScalarType dtype) {
  std::vector<torch::Tensor> inputs{unit_features(c.rows, c.width, 1).to(dtype), unit_features(c.rows, c.width, 2).to(dtype),
                                    torch::tensor(20.0F).to(dtype == torch::kFloat64 ? dtype : torch::kFloat32)};
  if (c.world > 0) {
    inputs.push_back(unit_features(c.world, c.width, 3).to(dtype));
    inputs.push_back(unit_features(c.world, c.width, 4).to(dtype));
  }
  if (c.extra >= 0) inputs.push_back(unit_features(c.extra, c.width, 5).to(dtype));
  if (!c.strided) return inputs;
  for (auto& x : inputs)
    if (x.dim() == 2) x = x.t().contiguous();
  return inputs;
}

test::ScalarFunction contrastive_of(const ContrastiveCase& c) {
  return [c](const std::vector<torch::Tensor>& x) {
    const auto features = [&](size_t i) { return c.strided ? x[i].t() : x[i]; };
    WorldColumns columns{.offset = c.offset};
    if (c.world > 0) columns.image_WD = features(3), columns.text_WD = features(4);
    if (c.extra >= 0) {
      columns.extra_valid_E = torch::arange(c.extra).remainder(3).ne(1);
      columns.extra_ED = features(x.size() - 1) * columns.extra_valid_E.unsqueeze(1);
    }
    return contrastive_loss(features(0), features(1), x[2], columns,
                            c.masked ? MissingNegatives::kMasked : MissingNegatives::kReference);
  };
}

const std::vector<ContrastiveCase> kContrastiveCases = {
    {.name = "1", .rows = 1},
    {.name = "2", .rows = 2},
    {.name = "31", .rows = 31},
    {.name = "32", .rows = 32},
    {.name = "33", .rows = 33},
    {.name = "257", .rows = 257, .width = 48},
    {.name = "1,037: tiles of full size and a rest", .rows = 1037, .width = 16},
    {.name = "width 1", .rows = 33, .width = 1},
    {.name = "no extra columns", .rows = 33, .extra = 0},
    {.name = "extra columns", .rows = 33, .extra = 70},
    {.name = "masked extra columns", .rows = 33, .extra = 99, .masked = true},
    {.name = "strided", .rows = 33, .extra = 5, .strided = true},
    {.name = "world", .rows = 31, .world = 93, .offset = 31},
    {.name = "world of one's own", .rows = 32, .world = 32},
    {.name = "one row of a world", .rows = 1, .world = 300, .offset = 299},
    {.name = "world and masked extra columns", .rows = 33, .extra = 40, .masked = true, .world = 600, .offset = 511},
};

/// At every size, also where ATen's operations would be chosen.
class ContrastiveKernel : public testing::Test {
  UseKernels always_{Kernels::kFusedAlways};
};

TEST_F(ContrastiveKernel, EqualsTheReferenceInDouble) {
  for (const auto& c : kContrastiveCases)
    for (const auto dtype : {torch::kFloat32, torch::kBFloat16})
      test::expect_near_double(contrastive_of(c), contrastive_inputs(c, dtype), 1e-5, c.name + " " + c10::toString(dtype));
}

TEST_F(ContrastiveKernel, EveryInstructionSetEqualsTheReference) {
  test::for_each_instruction_set([] {
    for (const auto& c : kContrastiveCases)
      if (c.rows == 33) test::expect_near_double(contrastive_of(c), contrastive_inputs(c, torch::kFloat32), 1e-5, c.name);
  });
}

TEST_F(ContrastiveKernel, DifferencesAreItsGradientsInDouble) {
  for (const auto& c : {ContrastiveCase{.rows = 3, .width = 4, .extra = 4, .masked = true},
                        ContrastiveCase{.rows = 2, .width = 4, .extra = 3, .world = 5, .offset = 2}})
    test::expect_gradcheck(contrastive_of(c), contrastive_inputs(c, torch::kFloat64));
}

TEST_F(ContrastiveKernel, LowCosinesAtALargeScaleDoNotUnderflow) {
  // The best cosine of a row is below -0.19; exp(100 (cosine - 1)) is 0 in float32.
  const auto image = unit_features(65, 32, 1).narrow(0, 0, 1) + 0.02 * unit_features(65, 32, 2);
  const auto text = -0.2 * image.flip(0) + 0.98 * (unit_features(65, 32, 3) - 0.02);
  const auto along = (text * image.narrow(0, 0, 1)).sum(1, true) + 0.2;
  const auto apart = 1.003 * (text - along * image.narrow(0, 0, 1));
  ASSERT_LT(image.mm(apart.t()).max().item<float>(), -0.1F);
  test::expect_near_double([](const auto& x) { return contrastive_loss(x[0], x[1], x[2]); },
                           {image, apart, torch::tensor(100.0F)}, 1e-4, "scale 100");
}

TEST_F(ContrastiveKernel, SureRowsKeepTheirSmallLosses) {
  const auto rows = unit_features(40, 64, 1);
  test::expect_near_double([](const auto& x) { return contrastive_loss(x[0], x[1], x[2]); },
                           {rows, rows + 0.1 * unit_features(40, 64, 2), torch::tensor(8.0F)}, 1e-4, "nearly alike");
}

TEST_F(ContrastiveKernel, NanAndInfinityGoWhereTheyGoInTheReference) {
  const ContrastiveCase alone{.rows = 33, .extra = 4, .masked = true}, world{.rows = 20, .world = 40, .offset = 20};
  for (const auto& c : {alone, world}) {
    for (const float value : {NAN, INFINITY, -INFINITY}) {
      auto inputs = contrastive_inputs(c, torch::kFloat32);
      for (size_t i = 0; i < inputs.size(); ++i) {
        auto bad = inputs;
        bad[i] = bad[i].clone();
        bad[i].flatten()[bad[i].numel() / 2] = value;
        test::expect_same_finiteness(contrastive_of(c), bad, std::to_string(value) + " in input " + std::to_string(i));
      }
    }
  }
}

TEST_F(ContrastiveKernel, ExtraColumnsOfWhichNoneExistAreNotThere) {
  const auto image = unit_features(33, 16, 1), text = unit_features(33, 16, 2), scale = torch::tensor(20.0F);
  const WorldColumns none{.extra_ED = torch::zeros({50, 16}), .extra_valid_E = torch::zeros({50}, torch::kBool)};
  EXPECT_EQ(contrastive_loss(image, text, scale, none, MissingNegatives::kMasked).item<float>(),
            contrastive_loss(image, text, scale).item<float>());
}

TEST_F(ContrastiveKernel, ThreadsDoNotChangeABit) {
  for (const auto& c : kContrastiveCases) {
    SCOPED_TRACE(c.name);
    test::expect_same_bits_for_all_threads(contrastive_of(c), contrastive_inputs(c, torch::kFloat32));
  }
}

TEST_F(ContrastiveKernel, KeepsTwoNumbersARowAndNeverMakesTheLogits) {
  constexpr int64_t kRows = 1024, kWidth = 8;
  const auto image = unit_features(kRows, kWidth, 1).requires_grad_(), text = unit_features(kRows, kWidth, 2).requires_grad_();
  const auto scale = torch::tensor(20.0F).requires_grad_();
  const auto loss = [&] { return contrastive_loss(image, text, scale); };
  const test::Bytes fused = test::bytes_of(loss);
  const UseKernels use(Kernels::kReference);
  const test::Bytes reference = test::bytes_of(loss);
  EXPECT_LE(fused.kept, 2 * kRows * sizeof(float) + 64);
  EXPECT_LT(fused.kept, reference.kept / 1000);
  EXPECT_LT(fused.peak, kRows * kRows * sizeof(float) / 2);
}

TEST_F(ContrastiveKernel, ASecondDerivativeIsRefused) {
  const auto image = unit_features(4, 8, 1).requires_grad_();
  const auto loss = contrastive_loss(image, unit_features(4, 8, 2), torch::tensor(5.0F));
  EXPECT_THROW(loss.backward({}, /*retain_graph=*/true, /*create_graph=*/true), c10::Error);
}

}  // namespace
}  // namespace fsc
