// AdamW against torch::optim::AdamW and by hand: groups, clipping, skipped steps, state.
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <limits>

#include "fsc/core/error.h"
#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

const std::vector<std::pair<std::string, std::vector<int64_t>>> kShapes = {{"visual.conv1.weight", {4, 3, 2, 2}},
                                                                           {"text.mlp.c_fc.weight", {6, 5}},
                                                                           {"text.mlp.c_fc.bias", {6}},
                                                                           {"ln_final.weight", {5}},
                                                                           {"logit_scale", {}}};

NamedParameters parameters(torch::ScalarType dtype = torch::kFloat32) {
  torch::manual_seed(3);
  NamedParameters result;
  for (const auto& [name, shape] : kShapes) result.emplace_back(name, torch::randn(shape).to(dtype).set_requires_grad(true));
  return result;
}

/// Gradients of step `k`; they differ in size by four orders of magnitude from step to step.
void set_gradients(const NamedParameters& parameters, int k) {
  torch::manual_seed(100 + k);
  for (const auto& [name, tensor] : parameters) {
    tensor.mutable_grad() = torch::randn(tensor.sizes()).to(tensor.scalar_type()) * std::pow(10.0, k % 5 - 3);
  }
}

std::vector<torch::Tensor> copies(const NamedParameters& parameters) {
  std::vector<torch::Tensor> result;
  for (const auto& [name, tensor] : parameters) result.push_back(tensor.detach().clone());
  return result;
}

std::vector<torch::Tensor> copies(const AdamW& optimizer) {
  StateDict state;
  optimizer.save(state);
  std::vector<torch::Tensor> result;
  for (const auto& [name, tensor] : state.entries()) result.push_back(tensor.clone());
  return result;
}

void expect_same(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i])) << i;
}

TEST(AdamW, OpenClipsRuleForDecay) {
  const auto matrix = torch::zeros({2, 2}), vector = torch::zeros({2}), scalar = torch::zeros({});
  EXPECT_TRUE(is_decayed("visual.conv1.weight", matrix));
  EXPECT_TRUE(is_decayed("transformer.resblocks.0.attn.in_proj_weight", matrix));
  EXPECT_TRUE(is_decayed("text_projection", matrix));
  EXPECT_TRUE(is_decayed("positional_embedding", matrix));
  EXPECT_FALSE(is_decayed("visual.class_embedding", vector));
  EXPECT_FALSE(is_decayed("logit_scale", scalar));
  for (const char* name : {"visual.ln_post.weight", "transformer.resblocks.0.ln_1.weight", "attn.in_proj_bias",
                           "visual.bn1.weight", "logit_scale"}) {
    EXPECT_FALSE(is_decayed(name, matrix)) << name;
  }
}

TEST(AdamW, OneStepByHand) {
  for (const bool decayed : {true, false}) {
    const auto x = torch::full({1, 1}, 2.0, torch::kFloat64).set_requires_grad(true);
    const OptimConfig config{.weight_decay = 0.1};
    AdamW optimizer({{decayed ? "weight" : "ln.weight", x}}, config);
    GradScaler off(false, torch::kCPU);
    double m = 0, v = 0, expected = 2.0;
    for (int k = 1; k <= 3; ++k) {
      const double g = 0.3 * k - 0.5, lr = 1e-3 * k;
      x.mutable_grad() = torch::full({1, 1}, g, torch::kFloat64);
      optimizer.step(lr, off);
      m = 0.9 * m + 0.1 * g;
      v = 0.98 * v + 0.02 * g * g;
      if (decayed) expected -= lr * 0.1 * expected;  // decoupled: not part of the gradient
      expected -= lr * (m / (1 - std::pow(0.9, k))) / (std::sqrt(v / (1 - std::pow(0.98, k))) + 1e-6);
      EXPECT_NEAR(x.item<double>(), expected, 1e-14) << k;
    }
  }
}

/// torch::optim::AdamW over the same two groups.
torch::optim::AdamW torch_adamw(const NamedParameters& parameters) {
  std::vector<torch::Tensor> decayed, plain;
  for (const auto& [name, tensor] : parameters) (is_decayed(name, tensor) ? decayed : plain).push_back(tensor);
  const auto options = [](double decay) {
    return std::make_unique<torch::optim::AdamWOptions>(
        torch::optim::AdamWOptions(1e-3).betas({0.9, 0.98}).eps(1e-6).weight_decay(decay));
  };
  return torch::optim::AdamW({{plain, options(0.0)}, {decayed, options(0.1)}}, *options(0.1));
}

TEST(AdamW, EqualsTorchsOverTwentySteps) {
  for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
    const auto ours = parameters(dtype), theirs = parameters(dtype);
    AdamW optimizer(ours, {});
    auto reference = torch_adamw(theirs);
    GradScaler off(false, torch::kCPU);
    for (int k = 0; k < 20; ++k) {
      const double lr = 1e-3 / (k + 1);
      set_gradients(ours, k), set_gradients(theirs, k);
      optimizer.step(lr, off);
      for (auto& group : reference.param_groups()) group.options().set_lr(lr);
      reference.step();
    }
    for (size_t i = 0; i < ours.size(); ++i) {
      const double worst = (ours[i].second - theirs[i].second).abs().max().item<double>();
      EXPECT_LE(worst, dtype == torch::kFloat64 ? 1e-14 : 5e-7) << ours[i].first;
    }
  }
}

TEST(AdamW, ParametersWithoutAGradientAreLeftAlone) {
  const auto named = parameters();
  AdamW optimizer(named, {});
  GradScaler off(false, torch::kCPU);
  set_gradients(named, 0);
  named[1].second.mutable_grad() = torch::Tensor();
  const auto before = copies(named);
  EXPECT_EQ(optimizer.step(1e-2, off).skipped.item<float>(), 0.0F);
  EXPECT_TRUE(torch::equal(named[1].second, before[1]));  // no decay either
  EXPECT_FALSE(torch::equal(named[0].second, before[0]));
  StateDict state;
  optimizer.save(state);
  EXPECT_EQ(state.find("step." + named[1].first)->item<float>(), 0.0F);
  EXPECT_EQ(state.find("step." + named[0].first)->item<float>(), 1.0F);
}

TEST(AdamW, WithoutAnyGradientAStepIsNothing) {
  const auto named = parameters();
  AdamW optimizer(named, {});
  set_gradients(named, 0);
  optimizer.zero_grad();
  for (const auto& [name, tensor] : named) EXPECT_FALSE(tensor.grad().defined());
  const auto before = copies(named);
  GradScaler off(false, torch::kCPU);
  const auto verdict = optimizer.step(1e-2, off);
  EXPECT_EQ(verdict.grad_norm.item<float>(), 0.0F);
  EXPECT_EQ(verdict.skipped.item<float>(), 0.0F);
  expect_same(copies(named), before);
}

TEST(AdamW, EachParameterHasItsOwnRates) {
  const auto named = parameters(torch::kFloat64);
  const auto scale_of = [](const std::string& name) {
    if (name.starts_with("visual.")) return ParameterScale{.lr = 0.25, .weight_decay = 2.0};
    return name.starts_with("text.") ? ParameterScale{.lr = 3.0, .weight_decay = 0.0} : ParameterScale{};
  };
  AdamW optimizer(named, {}, scale_of);
  GradScaler off(false, torch::kCPU);
  // The same steps by optimizers of one parameter each, whose rates are plain numbers.
  const auto alone = parameters(torch::kFloat64);
  std::vector<AdamW> single;
  for (const auto& parameter : alone) {
    OptimConfig config;
    config.weight_decay *= scale_of(parameter.first).weight_decay;
    single.emplace_back(NamedParameters{parameter}, config);
  }
  for (int k = 0; k < 6; ++k) {
    set_gradients(named, k), set_gradients(alone, k);
    optimizer.step(1e-3, off);
    for (size_t i = 0; i < single.size(); ++i) single[i].step(1e-3 * scale_of(alone[i].first).lr, off);
  }
  expect_same(copies(named), copies(alone));
}

TEST(AdamW, FactorsOfOneChangeNotABit) {
  const auto plain = parameters(), scaled = parameters();
  AdamW a(plain, {.grad_clip = 1.0}), b(scaled, {.grad_clip = 1.0}, [](const std::string&) { return ParameterScale{}; });
  GradScaler off(false, torch::kCPU);
  for (int k = 0; k < 5; ++k) {
    set_gradients(plain, k), set_gradients(scaled, k);
    a.step(1e-3, off), b.step(1e-3, off);
  }
  expect_same(copies(plain), copies(scaled));
  expect_same(copies(a), copies(b));
}

TEST(AdamW, ClipsTheTotalNormAsTorchDoes) {
  for (const double limit : {1e-3, 0.5, 1e9}) {
    const auto ours = parameters(), theirs = parameters();
    AdamW optimizer(ours, {.grad_clip = limit});
    auto reference = torch_adamw(theirs);
    GradScaler off(false, torch::kCPU);
    for (int k = 0; k < 5; ++k) {
      set_gradients(ours, k), set_gradients(theirs, k);
      std::vector<torch::Tensor> tensors;
      for (const auto& [name, tensor] : theirs) tensors.push_back(tensor);
      const double norm = torch::nn::utils::clip_grad_norm_(tensors, limit);
      const auto verdict = optimizer.step(1e-3, off);
      EXPECT_NEAR(verdict.grad_norm.item<double>(), norm, 1e-6 * norm);  // before clipping
      for (size_t i = 0; i < ours.size(); ++i) {
        EXPECT_TRUE(torch::allclose(ours[i].second.grad(), theirs[i].second.grad(), 1e-6, 0)) << ours[i].first;
      }
      reference.step();
    }
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_LE((ours[i].second - theirs[i].second).abs().max().item<double>(), 5e-7) << ours[i].first;
    }
  }
}

TEST(AdamW, AGradientThatIsNotFiniteChangesNotABit) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  for (const double clip : {0.0, 1.0}) {
    for (const float bad : {kNaN, kInf, -kInf}) {
      const auto named = parameters(), never = parameters();
      AdamW optimizer(named, {.grad_clip = clip}), untroubled(never, {.grad_clip = clip});
      GradScaler off(false, torch::kCPU);
      for (int k = 0; k < 3; ++k) {
        set_gradients(named, k), set_gradients(never, k);
        optimizer.step(1e-3, off), untroubled.step(1e-3, off);
      }
      const auto weights = copies(named), state = copies(optimizer);
      set_gradients(named, 3);
      named[2].second.grad()[4] = bad;  // one number in the group without decay stops the other group, too
      const auto verdict = optimizer.step(1e-3, off);
      EXPECT_EQ(verdict.skipped.item<float>(), 1.0F);
      EXPECT_FALSE(std::isfinite(verdict.grad_norm.item<float>()));
      expect_same(copies(named), weights);
      expect_same(copies(optimizer), state);
      // What follows is as if the step had never been, bias correction included.
      set_gradients(named, 4), set_gradients(never, 4);
      EXPECT_EQ(optimizer.step(1e-3, off).skipped.item<float>(), 0.0F);
      untroubled.step(1e-3, off);
      expect_same(copies(named), copies(never));
    }
  }
}

TEST(AdamW, SavedStateContinuesBitForBit) {
  const auto first = parameters();
  AdamW optimizer(first, {.grad_clip = 1.0});
  GradScaler off(false, torch::kCPU);
  for (int k = 0; k < 7; ++k) set_gradients(first, k), optimizer.step(1e-3, off);

  StateDict state;
  optimizer.save(state);
  EXPECT_EQ(state.size(), 3 * kShapes.size());
  StateDict stored;  // what a file would hold
  for (const auto& [name, tensor] : state.entries()) stored.add(name, tensor.clone());

  auto second = parameters();
  {
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < second.size(); ++i) second[i].second.copy_(first[i].second);
  }
  AdamW resumed(second, {.grad_clip = 1.0});
  resumed.load(stored, "optimizer.safetensors");
  for (int k = 7; k < 12; ++k) {
    set_gradients(first, k), set_gradients(second, k);
    optimizer.step(1e-3, off), resumed.step(1e-3, off);
  }
  expect_same(copies(second), copies(first));
  expect_same(copies(resumed), copies(optimizer));
}

TEST(AdamW, StateOfAnotherModelIsRefusedAndChangesNothing) {
  const auto named = parameters();
  AdamW optimizer(named, {});
  GradScaler off(false, torch::kCPU);
  set_gradients(named, 0);
  optimizer.step(1e-3, off);
  StateDict whole;
  optimizer.save(whole);
  const auto before = copies(optimizer);
  const std::string victim = "exp_avg_sq." + named.back().first;
  for (const auto& replacement : {torch::Tensor(), torch::zeros({3}), torch::zeros({}, torch::kFloat64)}) {
    StateDict state;
    for (const auto& [name, tensor] : whole.entries()) {
      if (name != victim)
        state.add(name, torch::full_like(tensor, 7));
      else if (replacement.defined())
        state.add(name, replacement);
    }
    try {
      optimizer.load(state, "run/optimizer.safetensors");
      FAIL() << "accepted";
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("run/optimizer.safetensors"), std::string::npos) << text;
      EXPECT_NE(text.find(victim), std::string::npos) << text;
    }
    expect_same(copies(optimizer), before);
  }
}

TEST(AdamW, CountsTheBytesOfItsState) {
  int64_t numbers = 0;
  for (const auto& [name, tensor] : parameters()) numbers += 2 * tensor.numel() + 1;
  EXPECT_EQ(AdamW(parameters(), {}).state_bytes(), 4 * numbers);
}

}  // namespace
}  // namespace fsc
