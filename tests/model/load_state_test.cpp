// Checkpoint into model: exact copies, interpolated position embeddings, and refusals that name the tensors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "fsc/core/error.h"
#include "fsc/model/clip_model.h"
#include "support/fill.h"

namespace fsc {
namespace {

using torch::Tensor;

// open_clip 3.3.0's resize_pos_embed (grid 4 to 7 and 2) and resize_text_pos_embed (77 to 40) of fill.py's weights.
constexpr double kGrid7First = 0.12885144352912903, kGrid7Middle = -0.17013683915138245, kGrid7Last = 0.10374804586172104;
constexpr double kGrid2First = 0.00539665250107646, kGrid2Last = -0.005664938595145941;
constexpr double kContextFirst = 0.29967325925827026, kContextLast = 0.26235508918762207;

ArchConfig plain_arch() { return ArchConfig::load(std::string(FSC_TEST_DATA) + "/models/tiny.json"); }

StateDict filled_state(const ArchConfig& arch) {
  ClipModel model(arch);
  test::fill_model(*model);
  return state_dict(*model);
}

/// A copy of `state` with `name` replaced; an undefined tensor leaves it out.
StateDict with(const StateDict& state, const std::string& name, const Tensor& tensor) {
  StateDict result;
  for (const auto& entry : state.entries()) {
    if (entry.first != name) result.add(entry.first, entry.second);
  }
  if (tensor.defined()) result.add(name, tensor);
  return result;
}

std::string refusal(const StateDict& state) {
  ClipModel model(plain_arch());
  try {
    load_state(*model, state, "model.safetensors");
  } catch (const Error& error) {
    for (const auto& parameter : model->named_parameters()) {  // nothing was copied
      if (parameter.key() == "visual.proj") {
        EXPECT_EQ(parameter.value().abs().sum().item<float>(), 0);
      }
    }
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(LoadState, CopiesEveryTensorAndKeepsGradientsOn) {
  const StateDict state = filled_state(plain_arch());
  ClipModel model(plain_arch());
  EXPECT_TRUE(load_state(*model, state, "x").empty());
  for (const auto& parameter : model->named_parameters()) {
    EXPECT_TRUE(torch::equal(parameter.value(), *state.find(parameter.key()))) << parameter.key();
    EXPECT_TRUE(parameter.value().requires_grad());
    EXPECT_NE(parameter.value().data_ptr(), state.find(parameter.key())->data_ptr());
  }
}

TEST(LoadState, ConvertsHalfPrecisionAndOldLogitScaleAndIgnoresTheMask) {
  const StateDict full = filled_state(plain_arch());
  StateDict half;
  for (const auto& [name, tensor] : full.entries())
    half.add(name, name == "logit_scale" ? tensor.view({1}) : tensor.to(torch::kHalf));
  half.add("attn_mask", torch::full({77, 77}, -std::numeric_limits<float>::infinity()));
  ClipModel model(plain_arch());
  EXPECT_TRUE(load_state(*model, half, "x").empty());
  for (const auto& parameter : model->named_parameters()) {
    EXPECT_EQ(parameter.value().scalar_type(), torch::kFloat32);
    EXPECT_TRUE(torch::equal(parameter.value().flatten(), half.find(parameter.key())->to(torch::kFloat32).flatten()))
        << parameter.key();
  }
}

TEST(LoadState, InterpolatesTheImageGrid) {
  const StateDict state = filled_state(plain_arch());
  ArchConfig larger = plain_arch();
  larger.vision.image_size = 56;  // a grid of 7 instead of 4
  ClipModel model(larger);
  const auto notes = load_state(*model, state, "x");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0], "image position embedding interpolated from a 4x4 to a 7x7 grid");
  const StateDict loaded = state_dict(*model);
  const Tensor from = *state.find("visual.positional_embedding"), to = *loaded.find("visual.positional_embedding");
  ASSERT_EQ(to.sizes(), (std::vector<int64_t>{50, 64}));
  EXPECT_TRUE(torch::equal(to[0], from[0]));
  EXPECT_NEAR(to[1][0].item<double>(), kGrid7First, 1e-6);
  EXPECT_NEAR(to[25][63].item<double>(), kGrid7Middle, 1e-6);
  EXPECT_NEAR(to[49][63].item<double>(), kGrid7Last, 1e-6);
}

TEST(LoadState, InterpolatesToASmallerGridWithAntialiasing) {
  ArchConfig smaller = plain_arch();
  smaller.vision.image_size = 16;
  ClipModel model(smaller);
  const StateDict state = filled_state(plain_arch());
  EXPECT_EQ(load_state(*model, state, "x").size(), 1u);
  const Tensor to = *state_dict(*model).find("visual.positional_embedding");
  EXPECT_NEAR(to[1][0].item<double>(), kGrid2First, 1e-6);
  EXPECT_NEAR(to[4][63].item<double>(), kGrid2Last, 1e-6);
}

TEST(LoadState, InterpolatesTheContext) {
  ArchConfig shorter = plain_arch();
  shorter.text.context_length = 40;
  ClipModel model(shorter);
  const auto notes = load_state(*model, filled_state(plain_arch()), "x");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0], "text position embedding interpolated from 77 to 40 positions");
  const Tensor to = *state_dict(*model).find("positional_embedding");
  EXPECT_NEAR(to[0][0].item<double>(), kContextFirst, 1e-6);
  EXPECT_NEAR(to[39][47].item<double>(), kContextLast, 1e-6);
}

TEST(LoadStateBadInput, MissingAndUnexpectedNames) {
  const StateDict state = filled_state(plain_arch());
  StateDict odd = with(with(state, "visual.proj", {}), "logit_bias", torch::zeros({}));
  const std::string message = refusal(odd);
  expect_part(message, "model.safetensors does not fit the architecture tiny");
  expect_part(message, "missing (1): visual.proj");
  expect_part(message, "unexpected (1): logit_bias");
}

TEST(LoadStateBadInput, LongListsAreCutAtTenWithTheCount) {
  StateDict state;
  for (int i = 0; i < 30; ++i) state.add("extra." + std::to_string(i), torch::zeros({1}));
  const std::string message = refusal(state);
  expect_part(message, "missing (62): positional_embedding, text_projection, ");
  expect_part(message, "unexpected (30): extra.0, extra.1, ");
  expect_part(message, "extra.9, ...");
  EXPECT_EQ(message.find("extra.10"), std::string::npos);
}

TEST(LoadStateBadInput, ShapesAndDtypes) {
  const StateDict state = filled_state(plain_arch());
  expect_part(refusal(with(state, "visual.proj", torch::zeros({64, 16}))),
              "wrong shape or type (1): visual.proj is Float [64, 16], Float [64, 32] is expected");
  expect_part(refusal(with(state, "visual.proj", torch::zeros({64, 32}, torch::kInt64))), "visual.proj is Long [64, 32]");
  expect_part(refusal(with(state, "logit_scale", torch::zeros({2}))), "logit_scale is Float [2]");
  expect_part(refusal(with(state, "visual.positional_embedding", torch::zeros({12, 64}))),
              "visual.positional_embedding is Float [12, 64]");
  expect_part(refusal(with(state, "visual.positional_embedding", torch::zeros({1, 64}))),
              "visual.positional_embedding is Float [1, 64]");
  expect_part(refusal(with(state, "visual.positional_embedding", torch::zeros({17, 32}))),
              "visual.positional_embedding is Float [17, 32]");
  expect_part(refusal(with(state, "positional_embedding", torch::zeros({0, 48}))), "positional_embedding is Float [0, 48]");
}

TEST(LoadStateBadInput, NanAndInfinityAreNamed) {
  const StateDict state = filled_state(plain_arch());
  Tensor broken = state.find("ln_final.bias")->clone();
  broken[3] = std::nanf("");
  expect_part(refusal(with(state, "ln_final.bias", broken)), "tensor ln_final.bias holds NaN or Inf");
  broken[3] = -std::numeric_limits<float>::infinity();
  expect_part(refusal(with(state, "ln_final.bias", broken)), "tensor ln_final.bias holds NaN or Inf");
}

TEST(LoadState, LargeFiniteValuesAreNotTakenForInfinity) {
  const StateDict state = with(filled_state(plain_arch()), "ln_final.bias", torch::full({48}, 3e38F));
  ClipModel model(plain_arch());
  EXPECT_TRUE(load_state(*model, state, "x").empty());
  EXPECT_EQ(state_dict(*model).find("ln_final.bias")->min().item<float>(), 3e38F);
}

}  // namespace
}  // namespace fsc
