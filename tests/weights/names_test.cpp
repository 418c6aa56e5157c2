// Names of open_clip and Hugging Face: there and back without a changed bit.
#include <gtest/gtest.h>

#include "eval/eval_support.h"
#include "fsc/io/checkpoint_file.h"
#include "support/fill.h"
#include "weights/detail_names.h"
#include "weights/formats_support.h"

namespace fsc {
namespace {

using detail::NameStyle;
using test::expect_error;
using test::expect_same_tensors;
using test::format_file;

TEST(Names, ClipThereAndBack) {
  const StateDict ours = state_dict(*test::tiny_model(3).model);
  const StateDict theirs = detail::to_hf_names(ours, false, "x");
  EXPECT_EQ(detail::name_style(theirs), NameStyle::kHfClip);
  expect_same_tensors(ours, detail::to_open_clip_names(theirs, "x"));
  const auto* q = theirs.find("text_model.encoder.layers.0.self_attn.q_proj.weight");
  const auto* v = theirs.find("text_model.encoder.layers.0.self_attn.v_proj.weight");
  ASSERT_TRUE(q && v);
  const torch::Tensor packed = *ours.find("transformer.resblocks.0.attn.in_proj_weight");
  EXPECT_TRUE(torch::equal(*q, packed.slice(0, 0, 32)));
  EXPECT_TRUE(torch::equal(*v, packed.slice(0, 64, 96)));
  EXPECT_TRUE(torch::equal(*theirs.find("visual_projection.weight"), ours.find("visual.proj")->t()));
}

TEST(Names, HuggingFaceThereAndBack) {
  for (const char* name : {"hf-clip/model.safetensors", "hf-siglip/model.safetensors", "hf-clip-bin/pytorch_model.bin"}) {
    const StateDict theirs = read_checkpoint_file(format_file(name)).state;
    const bool siglip = detail::name_style(theirs) == NameStyle::kHfSiglip;
    const StateDict ours = detail::to_open_clip_names(theirs, name);
    EXPECT_EQ(detail::name_style(ours), NameStyle::kOpenClip) << name;
    expect_same_tensors(theirs, detail::to_hf_names(ours, siglip, name));
  }
}

TEST(Names, BuffersAreLeftOutAndStrangersKept) {
  StateDict theirs = detail::to_hf_names(state_dict(*test::tiny_model().model), false, "x");
  theirs.add("text_model.embeddings.position_ids", torch::arange(77).unsqueeze(0));
  theirs.add("vision_model.embeddings.position_ids", torch::arange(5).unsqueeze(0));
  theirs.add("something.else", torch::zeros({1}));
  const StateDict ours = detail::to_open_clip_names(theirs, "x");
  EXPECT_EQ(ours.find("text_model.embeddings.position_ids"), nullptr);
  EXPECT_NE(ours.find("something.else"), nullptr) << "load_state names it";
}

TEST(Names, NoPlaceInHuggingFace) {
  StateDict ours = state_dict(*test::tiny_model().model);
  ours.add("visual.transformer.resblocks.0.ls_1.gamma", torch::ones({32}));
  expect_error([&] { detail::to_hf_names(ours, false, "model x"); }, ExitCode::kFailed,
               {"model x", "CLIPModel has no place", "ls_1.gamma"});
}

TEST(Names, LayerNumbersAreBelieved) {
  StateDict state;
  state.add("blocks.0.weight", torch::zeros({1}));
  state.add("blocks.1.weight", torch::zeros({1}));
  state.add("blocks.99999999999999999999.weight", torch::zeros({1}));
  state.add("blocks.900000.weight", torch::zeros({1}));
  state.add("blocks.3x", torch::zeros({1}));
  EXPECT_EQ(detail::count_layers(state, "blocks."), 2);
  EXPECT_EQ(detail::count_layers(state, "layers."), 0);
}

}  // namespace
}  // namespace fsc
