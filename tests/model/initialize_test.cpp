// Initial weights: open_clip's law for every kind of tensor, and the same values on every thread count.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "fsc/model/clip_model.h"

namespace fsc {
namespace {

using torch::Tensor;

ArchConfig arch() {
  ArchConfig config;
  config.embed_dim = 48;
  config.vision = {64, 16, 128, 2, 32, 3.0, 0.2};
  config.text = {33, 700, 96, 4, 3, 4.0, 1e-3};
  return config;
}

const Tensor& get(const StateDict& state, const std::string& name) {
  const Tensor* tensor = state.find(name);
  if (!tensor) throw std::runtime_error("no " + name);
  return *tensor;
}

void expect_normal(const StateDict& state, const std::string& name, double deviation) {
  const Tensor values = get(state, name).to(torch::kFloat64);
  const double n = static_cast<double>(values.numel());
  EXPECT_NEAR(values.mean().item<double>(), 0, 4.5 * deviation / std::sqrt(n)) << name;
  EXPECT_NEAR(values.std().item<double>() / deviation, 1, 4.5 / std::sqrt(2 * n)) << name;
  if (n > 2000) {
    EXPECT_GT(values.abs().max().item<double>(), 2.5 * deviation) << name;
  }
}

void expect_uniform(const StateDict& state, const std::string& name, double bound) {
  const Tensor values = get(state, name).to(torch::kFloat64);
  const double n = static_cast<double>(values.numel());
  EXPECT_NEAR(values.mean().item<double>(), 0, 4.5 * bound / std::sqrt(3 * n)) << name;
  EXPECT_LE(values.abs().max().item<double>(), bound * (1 + 1e-6)) << name;
  EXPECT_GT(values.abs().max().item<double>(), bound * (1 - 12 / n)) << name;
  EXPECT_NEAR(values.abs().mean().item<double>() / bound, 0.5, 4.5 * 0.29 / std::sqrt(n)) << name;
}

void expect_constant(const StateDict& state, const std::string& name, double value) {
  EXPECT_TRUE((get(state, name) == static_cast<float>(value)).all().item<bool>()) << name;
}

TEST(Initialize, TextTowerHasOpenClipsNormals) {
  ClipModel model(arch());
  model->initialize(1);
  const StateDict state = state_dict(*model);
  const double attention = 1 / std::sqrt(96.0);
  expect_normal(state, "token_embedding.weight", 0.02);
  expect_normal(state, "positional_embedding", 0.01);
  expect_normal(state, "text_projection", attention);
  const std::string block = "transformer.resblocks.2.";
  expect_normal(state, block + "attn.in_proj_weight", attention);
  expect_normal(state, block + "attn.out_proj.weight", attention / std::sqrt(6.0));
  expect_normal(state, block + "mlp.c_fc.weight", 1 / std::sqrt(2 * 96.0));
  expect_normal(state, block + "mlp.c_proj.weight", attention / std::sqrt(6.0));
  expect_uniform(state, block + "mlp.c_fc.bias", 1 / std::sqrt(96.0));
  expect_uniform(state, block + "mlp.c_proj.bias", 1 / std::sqrt(4 * 96.0));
  expect_constant(state, block + "attn.in_proj_bias", 0);
  expect_constant(state, block + "attn.out_proj.bias", 0);
  expect_constant(state, block + "ln_1.weight", 1);
  expect_constant(state, block + "ln_2.bias", 0);
  expect_constant(state, block + "ls_1.gamma", 1e-3);
  expect_constant(state, "ln_final.weight", 1);
  expect_constant(state, "logit_scale", std::log(1 / 0.07));
}

TEST(Initialize, ImageTowerHasPytorchsDefaults) {
  ClipModel model(arch());
  model->initialize(2);
  const StateDict state = state_dict(*model);
  const double scale = 1 / std::sqrt(128.0);
  expect_normal(state, "visual.class_embedding", scale);
  expect_normal(state, "visual.positional_embedding", scale);
  expect_normal(state, "visual.proj", scale);
  expect_uniform(state, "visual.conv1.weight", 1 / std::sqrt(3 * 16 * 16.0));
  const std::string block = "visual.transformer.resblocks.1.";
  expect_uniform(state, block + "attn.in_proj_weight", std::sqrt(6.0 / (4 * 128.0)));
  expect_uniform(state, block + "attn.out_proj.weight", scale);
  expect_uniform(state, block + "mlp.c_fc.weight", scale);
  expect_uniform(state, block + "mlp.c_fc.bias", scale);
  expect_uniform(state, block + "mlp.c_proj.weight", 1 / std::sqrt(3 * 128.0));
  expect_uniform(state, block + "mlp.c_proj.bias", 1 / std::sqrt(3 * 128.0));
  expect_constant(state, block + "attn.in_proj_bias", 0);
  expect_constant(state, block + "attn.out_proj.bias", 0);
  expect_constant(state, block + "ls_2.gamma", 0.2);
  expect_constant(state, "visual.ln_post.weight", 1);
  expect_constant(state, "visual.ln_pre.bias", 0);
}

TEST(Initialize, DependsOnTheSeedOnly) {
  ClipModel a(arch()), b(arch()), c(arch());
  const int threads = at::get_num_threads();
  a->initialize(7);
  at::set_num_threads(1);
  b->initialize(7);
  at::set_num_threads(threads);
  c->initialize(8);
  const StateDict x = state_dict(*a), y = state_dict(*b), z = state_dict(*c);
  for (const auto& [name, tensor] : x.entries()) EXPECT_TRUE(torch::equal(tensor, *y.find(name))) << name;
  EXPECT_FALSE(torch::equal(*x.find("visual.conv1.weight"), *z.find("visual.conv1.weight")));
  EXPECT_FALSE(
      torch::equal(*x.find("transformer.resblocks.0.mlp.c_fc.weight"), *x.find("transformer.resblocks.1.mlp.c_fc.weight")));
}

TEST(Initialize, OtherTensorsDoNotMoveTheDraws) {
  ArchConfig deeper = arch();
  deeper.text.layers = 5;
  ClipModel a(arch()), b(deeper);
  a->initialize(7);
  b->initialize(7);
  const StateDict x = state_dict(*a), y = state_dict(*b);
  EXPECT_TRUE(torch::equal(*x.find("token_embedding.weight"), *y.find("token_embedding.weight")));
}

}  // namespace
}  // namespace fsc
