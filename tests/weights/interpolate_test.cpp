// Averages of weights: ends bit for bit, hand-computed middles, refusals by name.
#include "fsc/weights/interpolate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "fsc/core/error.h"
#include "fsc/model/context_length.h"
#include "fsc/model/lora.h"
#include "support/expect_error.h"
#include "support/fill.h"
#include "support/golden.h"

namespace fsc {
namespace {

StateDict state_of(std::vector<float> a, float b) {
  StateDict state;
  state.add("a", torch::tensor(a));
  state.add("b", torch::tensor(b));
  return state;
}

ArchConfig small_arch() {
  ArchConfig arch;
  arch.name = "small";
  arch.embed_dim = 16;
  arch.vision = {.image_size = 32, .patch_size = 16, .width = 32, .layers = 1, .head_width = 16};
  arch.text.width = 32;
  arch.text.heads = 2;
  arch.text.layers = 1;
  return arch;
}

LoadedModel small_model(uint64_t seed, const ArchConfig& arch = small_arch()) {
  LoadedModel loaded{{arch, default_preprocess(arch)}, ClipModel(arch)};
  loaded.model->initialize(seed);
  return loaded;
}

bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0;
}

TEST(Interpolate, EndsBitForBitAndTheMiddleByHand) {
  const StateDict from = state_of({1.0F, -0.0F, 1e-40F, 3e38F}, 2.0F), to = state_of({2.0F, 0.0F, -1e-40F, -3e38F}, -2.0F);
  for (const char* name : {"a", "b"}) {
    EXPECT_TRUE(same_bits(*interpolate(from, to, 0).find(name), *from.find(name)));
    EXPECT_TRUE(same_bits(*interpolate(from, to, 1).find(name), *to.find(name)));
  }
  const StateDict middle = interpolate(from, to, 0.25);
  EXPECT_EQ((*middle.find("a"))[0].item<float>(), 1.25F);
  EXPECT_EQ(middle.find("b")->item<float>(), 1.0F);
  EXPECT_EQ(interpolate(from, to, 2).find("b")->item<float>(), -6.0F) << "beyond the end";
}

TEST(Interpolate, LeavesItsInputsAloneAndSharesNothing) {
  const StateDict from = state_of({1, 2}, 3), to = state_of({5, 6}, 7);
  for (const double alpha : {0.0, 0.5, 1.0}) interpolate(from, to, alpha).find("a")->fill_(99);
  EXPECT_EQ((*from.find("a"))[0].item<float>(), 1);
  EXPECT_EQ((*to.find("a"))[0].item<float>(), 5);
}

TEST(Interpolate, HalfPrecisionWeightsAreMixedInFloat32) {
  StateDict from, to;
  from.add("w", torch::tensor({1.0F}).to(torch::kHalf));
  to.add("w", torch::tensor({1.0009765625F}).to(torch::kHalf));  // the next number in fp16
  const StateDict mixed = interpolate(from, to, 0.5);
  EXPECT_EQ(mixed.find("w")->scalar_type(), torch::kFloat32);
  EXPECT_EQ(mixed.find("w")->item<float>(), 1.00048828125F);
}

TEST(Interpolate, NamesTensorsThatAreMissingOrMisshapen) {
  StateDict other;
  other.add("a", torch::zeros({3}));
  other.add("c", torch::zeros({}));
  test::expect_error(
      [&] {
        interpolate(state_of({1, 2}, 3), other, 0.5);
      },
      ExitCode::kFailed,
      {"a is [2] in the pretrained model and [3] in the fine-tuned one", "b is missing in the fine-tuned one",
       "c is missing in the pretrained model"});
}

TEST(Alpha, OutsideZeroToOneOnlyOnDemand) {
  for (const double alpha : {0.0, 0.3, 1.0}) EXPECT_NO_THROW(check_alpha(alpha, false));
  for (const double alpha : {-0.01, 1.01}) {
    test::expect_error([&] { check_alpha(alpha, false, "--alphas"); }, ExitCode::kUsage,
                       {"--alphas", "outside [0, 1]", "--extrapolate"});
    EXPECT_NO_THROW(check_alpha(alpha, true));
  }
  for (const double alpha : {std::nan(""), static_cast<double>(INFINITY)}) EXPECT_THROW(check_alpha(alpha, true), UsageError);
}

StateDict soup_of(const std::vector<StateDict>& states) {
  Soup soup;
  for (size_t i = 0; i < states.size(); ++i) soup.add(states[i], "model " + std::to_string(i));
  return soup.mean();
}

TEST(Soup, IsTheMeanAndOfEqualModelsTheModel) {
  const StateDict one = state_of({0.1F, 0.7F}, 1e-3F), two = state_of({0.3F, -0.1F}, 2.0F);
  const StateDict mean = soup_of({state_of({1, 2}, 3), state_of({2, 4}, 3), state_of({6, 0}, 0)});
  EXPECT_EQ((*mean.find("a"))[0].item<float>(), 3);
  EXPECT_EQ((*mean.find("a"))[1].item<float>(), 2);
  EXPECT_EQ(mean.find("b")->item<float>(), 2);
  for (const char* name : {"a", "b"}) {
    EXPECT_TRUE(same_bits(*soup_of({one, one, one}).find(name), *one.find(name)));
    EXPECT_TRUE(same_bits(*soup_of({one, two}).find(name), *soup_of({two, one}).find(name)));
  }
  StateDict foreign;
  foreign.add("other", torch::zeros({}));
  test::expect_error(
      [&] {
        soup_of({one, two, foreign});
      },
      ExitCode::kFailed, {"model 0 and model 2", "other is missing in model 0"});
}

TEST(Soup, ACopyGoesItsOwnWay) {
  Soup first;
  first.add(state_of({2, 2}, 2), "first");
  Soup second = first;
  second.add(state_of({4, 4}, 4), "second");
  EXPECT_EQ(first.mean().find("b")->item<float>(), 2);
  EXPECT_EQ(second.mean().find("b")->item<float>(), 3);
}

TEST(GreedySoup, KeepsWhatDoesNotLowerTheScore) {
  // Models stand on a line, the score of a soup is minus the distance of its mean from 0. Alone: -2, -1, -3, -1.
  const std::vector<double> place = {2, 1, -3, -1};
  std::vector<std::vector<size_t>> asked;
  const auto score = [&](const std::vector<size_t>& kept, size_t next) {
    asked.push_back(kept);
    double sum = place[next];
    for (const size_t i : kept) sum += place[i];
    return -std::abs(sum / static_cast<double>(kept.size() + 1));
  };
  // 1 first (1 and 3 tie, the given order holds), with 3: 0, better; with 0: (1-1+2)/3, worse; with 2: (1-1-3)/3, worse.
  EXPECT_EQ(greedy_ingredients({-2, -1, -3, -1}, score), (std::vector<size_t>{1, 3}));
  EXPECT_EQ(asked, (std::vector<std::vector<size_t>>{{1}, {1, 3}, {1, 3}}));
  EXPECT_EQ(greedy_ingredients({5}, score), (std::vector<size_t>{0}));
  const auto flat = [](const std::vector<size_t>&, size_t) { return 5.0; };
  EXPECT_EQ(greedy_ingredients({5, 5, 4}, flat), (std::vector<size_t>{0, 1, 2})) << "an equal score keeps";
}

TEST(Alike, RefusesAnotherActivationArchitectureOrPreprocessingByName) {
  const LoadedModel one = small_model(1), two = small_model(2);
  EXPECT_NO_THROW(check_alike({{"one", &one}, {"two", &two}}));
  ArchConfig arch = small_arch();
  arch.quick_gelu = true;
  const LoadedModel quick = small_model(1, arch);
  test::expect_error(
      [&] {
        check_alike({{"one", &one}, {"two", &two}, {"quick", &quick}});
      },
      ExitCode::kFailed, {"one and quick", "activations", "quick_gelu"});
  arch = small_arch();
  arch.text.heads = 4;  // no tensor's shape tells
  const LoadedModel heads = small_model(1, arch);
  test::expect_error(
      [&] {
        check_alike({{"one", &one}, {"heads", &heads}});
      },
      ExitCode::kFailed, {"architectures", "text_cfg.heads"});
  LoadedModel squashed = small_model(1);
  squashed.preprocess.resize_mode = ResizeMode::kSquash;
  test::expect_error(
      [&] {
        check_alike({{"one", &one}, {"squashed", &squashed}});
      },
      ExitCode::kFailed, {"images differently", "shortest side", "squashed"});
}

ArchConfig of_context(ArchConfig arch, int64_t length) {
  arch.text.context_length = length;
  return arch;
}

TEST(OtherContext, WiseFtCutsThePretrainedModelAsTheOfficialCodeDoes) {
  const ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-quickgelu.json");
  LoadedModel base = small_model(1, arch), tuned = small_model(1, of_context(arch, 12));
  test::fill_model(*base.model);
  std::vector<std::string> notes;
  load_state(*tuned.model, with_context_length(state_dict(*base.model), 12, notes), "tuned");
  {
    const torch::NoGradGuard no_graph;
    for (auto& item : tuned.model->named_parameters()) item.value().mul_(0.5);
  }
  const LoadedModel start = with_context_of({"base", &base}, {"tuned", &tuned});
  EXPECT_NO_THROW(check_alike({{"base", &start}, {"tuned", &tuned}}));
  EXPECT_EQ(base.model->arch().text.context_length, 77) << "the model itself stays as it was";
  const StateDict mixed = interpolate(state_dict(*start.model), state_dict(*tuned.model), 0.25);
  const torch::Tensor want = test::read_golden("context.safetensors").at("merged/positional_embedding"),
                      got = *mixed.find("positional_embedding");
  ASSERT_EQ(got.sizes(), want.sizes());
  EXPECT_LE((got - want).abs().max().item<double>(), 1e-7);
}

TEST(OtherContext, ALongerOneBeginsWhereItsFineTuningDid) {
  const LoadedModel base = small_model(1), tuned = small_model(2, of_context(small_arch(), 90));
  const LoadedModel start = with_context_of({"base", &base}, {"tuned", &tuned});
  EXPECT_EQ(start.arch.text.context_length, 90);
  EXPECT_TRUE(start.model->arch() == start.arch);
  std::vector<std::string> notes;
  const StateDict want = with_context_length(state_dict(*base.model), 90, notes), got = state_dict(*start.model);
  for (const auto& [name, tensor] : want.entries()) EXPECT_TRUE(torch::equal(*got.find(name), tensor)) << name;
}

TEST(OtherContext, ADifferenceBesideItIsLeftToTheRefusal) {
  ArchConfig other = of_context(small_arch(), 40);
  other.text.heads = 4;
  const LoadedModel base = small_model(1), tuned = small_model(2, other), twin = small_model(3);
  const LoadedModel start = with_context_of({"base", &base}, {"tuned", &tuned});
  EXPECT_EQ(start.model->arch().text.context_length, 77);
  test::expect_error(
      [&] {
        check_alike({{"base", &start}, {"tuned", &tuned}});
      },
      ExitCode::kFailed, {"text_cfg.heads", "text_cfg.context_length"});
  EXPECT_EQ(with_context_of({"base", &base}, {"twin", &twin}).model.ptr(), base.model.ptr()) << "nothing to do";
}

TEST(Interpolate, TowardsMergedLoraScalesItsTerm) {
  const double alpha = 0.3;
  const auto lora_model = [] {
    LoadedModel model = small_model(1);
    add_lora(*model.model, {.rank = 2, .alpha = 3.0, .init = LoraInit::kReference}, 5);
    const torch::NoGradGuard no_graph;
    torch::manual_seed(3);
    for (auto& item : model.model->named_parameters())
      if (item.key().ends_with("lora_B")) item.value().normal_(0, 0.1);
    return model;
  };
  LoadedModel base = small_model(1), whole = lora_model(), scaled = lora_model();
  merge_lora(*whole.model);
  merge_lora(*scaled.model, alpha);
  const StateDict mixed = interpolate(state_dict(*base.model), state_dict(*whole.model), alpha),
                  wanted = state_dict(*scaled.model);
  double moved = 0;
  for (const auto& [name, tensor] : wanted.entries()) {
    EXPECT_LT((tensor - *mixed.find(name)).abs().max().item<double>(), 1e-6) << name;
    moved = std::max(moved, (tensor - *state_dict(*base.model).find(name)).abs().max().item<double>());
  }
  EXPECT_GT(moved, 1e-3) << "LoRA did something";
}

TEST(WithWeights, MakesAModelOfItsOwn) {
  const LoadedModel one = small_model(1), two = small_model(2);
  const LoadedModel made = with_weights(one, state_dict(*two.model), "made");
  EXPECT_TRUE(same_bits(made.model->logit_scale, two.model->logit_scale));
  const StateDict made_state = state_dict(*made.model), two_state = state_dict(*two.model);
  for (const auto& [name, tensor] : made_state.entries()) {
    EXPECT_TRUE(same_bits(tensor, *two_state.find(name))) << name;
    EXPECT_NE(tensor.data_ptr(), two_state.find(name)->data_ptr()) << name;
  }
}

}  // namespace
}  // namespace fsc
