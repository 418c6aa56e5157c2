// Checkpoints that transformers, open_clip and torch.jit wrote: the same features as in the program that wrote them.
#include <gtest/gtest.h>

#include "fsc/core/atomic_file.h"
#include "fsc/io/checkpoint_file.h"
#include "fsc/io/safetensors.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "weights/formats_support.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::expect_features;
using test::format_file;
using test::TempDir;

/// A copy of a folder of tests/data/formats that may be damaged.
fs::path copy_of(const TempDir& dir, const std::string& name) {
  fs::copy(format_file(name), dir / name, fs::copy_options::recursive);
  return dir / name;
}

TEST(Formats, HuggingFaceClip) {
  LoadedModel loaded = load_model(format_file("hf-clip"));
  const ArchConfig& arch = loaded.model->arch();
  EXPECT_FALSE(arch.quick_gelu);
  EXPECT_EQ(arch.vision.head_width, 2);
  EXPECT_EQ(arch.vision.layers, 2);
  EXPECT_EQ(arch.text.context_length, 8);
  EXPECT_EQ(loaded.preprocess, default_preprocess(arch));
  expect_features(*loaded.model, "hf-clip");
  // A file named as the folder's weights counts as the folder.
  expect_features(*load_model(format_file("hf-clip/model.safetensors")).model, "hf-clip");
}

TEST(Formats, HuggingFaceShards) {
  LoadedModel loaded = load_model(format_file("hf-clip-shards"));
  expect_features(*loaded.model, "hf-clip");
  EXPECT_EQ(loaded.preprocess.mean, (std::array<double, 3>{0.4, 0.5, 0.6}));
  EXPECT_EQ(loaded.preprocess.std, (std::array<double, 3>{0.2, 0.3, 0.4}));
  EXPECT_EQ(loaded.preprocess.interpolation, Interpolation::kBilinear);
  EXPECT_EQ(loaded.preprocess.resize_mode, ResizeMode::kSquash);
  expect_features(*load_model(format_file("hf-clip-shards/model.safetensors.index.json")).model, "hf-clip");
}

TEST(Formats, HuggingFacePickleInHalfPrecisionWithAnOldConfig) {
  expect_features(*load_model(format_file("hf-clip-bin")).model, "hf-clip-bin");
}

TEST(Formats, HuggingFaceSiglip) {
  LoadedModel loaded = load_model(format_file("hf-siglip"));
  EXPECT_TRUE(loaded.model->arch().vision.siglip);
  EXPECT_TRUE(loaded.model->arch().vision.gelu_tanh);
  EXPECT_EQ(loaded.preprocess.mean, (std::array<double, 3>{0.5, 0.5, 0.5}));
  expect_features(*loaded.model, "hf-siglip");
}

TEST(Formats, OpenClipTrainingCheckpoint) {
  const std::string arch = format_file("open_clip.json").string();
  expect_features(*load_model(format_file("open_clip.pt"), arch).model, "open_clip");
  expect_error([] { load_model(format_file("open_clip.pt")); }, ExitCode::kUsage, {"open_clip.pt", "--arch", "model.arch"});
}

TEST(Formats, OpenClipHubFolder) {
  TempDir dir;
  const std::string model_cfg = read_file(format_file("open_clip.json"));
  dir.write("hub/open_clip_config.json", R"({"model_cfg": )" + model_cfg + R"(, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}})");
  fs::copy_file(format_file("open_clip.pt"), dir / "hub/open_clip_pytorch_model.bin");
  LoadedModel loaded = load_model(dir / "hub");
  EXPECT_EQ(loaded.preprocess.mean, (std::array<double, 3>{0.5, 0.5, 0.5}));
  expect_features(*loaded.model, "open_clip");
  // A repository that also holds transformers' form of another model: open_clip's own file is preferred.
  fs::copy_file(format_file("hf-clip/model.safetensors"), dir / "hub/model.safetensors");
  fs::copy_file(format_file("hf-clip/config.json"), dir / "hub/config.json");
  expect_features(*load_model(dir / "hub").model, "open_clip");
  fs::remove(dir / "hub/open_clip_config.json");
  expect_features(*load_model(dir / "hub").model, "hf-clip");
}

TEST(Formats, TorchScriptArchives) {
  const std::string quick = format_file("open_clip.json").string();
  TempDir dir;
  ArchConfig arch = ArchConfig::load(quick);
  arch.quick_gelu = false;
  const std::string plain = dir.write("plain.json", arch.to_json()).string();
  expect_features(*load_model(format_file("openai.pt"), quick).model, "openai");
  expect_features(*load_model(format_file("gelu_archive.pt"), plain).model, "gelu_archive");
  expect_error([&] { load_model(format_file("openai.pt"), plain); }, ExitCode::kUsage, {"plain has gelu", "QuickGELU", "force:"});
  expect_error([&] { load_model(format_file("gelu_archive.pt"), quick); }, ExitCode::kUsage,
               {"quick_gelu", "calls GELU", "force:"});
  EXPECT_FALSE(load_model(format_file("openai.pt"), "force:" + plain).model->arch().quick_gelu);
}

TEST(Formats, MissingParts) {
  TempDir dir;
  const fs::path shards = copy_of(dir, "hf-clip-shards");
  fs::remove(shards / "model-00002-of-00002.safetensors");
  expect_error([&] { load_model(shards); }, ExitCode::kFailed, {"model-00002-of-00002.safetensors", "missing"});
  fs::remove(shards / "model.safetensors.index.json");
  expect_error([&] { load_model(shards); }, ExitCode::kFailed, {"hf-clip-shards", "weights"});
  const fs::path index = copy_of(dir, "hf-clip");
  fs::remove(index / "config.json");
  expect_error([&] { load_model(index); }, ExitCode::kUsage, {"architecture", "not known", "--arch"});
  fs::remove_all(shards);
  const fs::path wrong = copy_of(dir, "hf-clip-shards");
  std::string text = read_file(wrong / "model.safetensors.index.json");
  text.replace(text.find("\"logit_scale\""), 13, "\"logit_slope\"");
  dir.write("hf-clip-shards/model.safetensors.index.json", text);
  expect_error([&] { load_model(wrong); }, ExitCode::kFailed, {"logit_s"});
}

TEST(Formats, OtherModels) {
  TempDir dir;
  const fs::path folder = copy_of(dir, "hf-clip");
  dir.write("hf-clip/config.json", R"({"model_type": "blip", "text_config": {}})");
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"config.json", "'blip'", "CLIPModel"});
  dir.write("hf-clip/config.json", R"({"model_type": "clip_vision_model"})");
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"'clip_vision_model'"});

  const auto refused = [&](const std::vector<std::string>& names, const std::vector<std::string>& parts) {
    StateDict state;
    for (const auto& name : names) state.add(name, torch::zeros({2, 2}));
    write_safetensors(dir / "m.safetensors", state);
    expect_error([&] { load_model(dir / "m.safetensors", "ViT-B-32"); }, ExitCode::kFailed, parts);
  };
  refused({"visual.layer1.0.conv1.weight", "visual.attnpool.q_proj.weight", "token_embedding.weight"},
          {"m.safetensors", "ResNet"});
  refused({"visual.trunk.stem.0.weight", "text.token_embedding.weight"}, {"timm"});
  refused({"visual.conv1.weight", "text.transformer.embeddings.word_embeddings.weight"}, {"text tower from transformers"});
  refused({"visual.conv1.weight", "text.token_embedding.weight", "text_decoder.ln_final.weight"}, {"CoCa"});
  refused({"vision_model.post_layernorm.weight"}, {"image tower without its text tower"});
  refused({"text_model.final_layer_norm.weight"}, {"text tower without its image tower"});
  refused({"visual.proj.lora_A", "visual.proj.lora_B"}, {"LoRA adapter", "merge-lora"});
  refused({"model.layers.0.weight", "lm_head.weight"}, {"no CLIP or SigLIP model", "model.layers.0.weight"});
}

TEST(Formats, WrongDtypeAndHalfAProjection) {
  TempDir dir;
  const fs::path folder = copy_of(dir, "hf-clip");
  const StateDict good = read_safetensors(folder / "model.safetensors");
  const std::string q = "text_model.encoder.layers.0.self_attn.q_proj.weight",
                    k = "text_model.encoder.layers.0.self_attn.k_proj.weight";
  const auto with = [&](const std::string& changed, const torch::Tensor& value) {
    StateDict state;
    for (const auto& [name, tensor] : good.entries())
      if (name != changed)
        state.add(name, tensor);
      else if (value.defined())
        state.add(name, value);
    write_safetensors(folder / "model.safetensors", state);
  };
  with("logit_scale", torch::ones({}, torch::kInt64));
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"logit_scale", "Long"});
  with(k, {});
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {q, "no " + k});
  with(k, torch::zeros({8, 9}));
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {k, "[8, 9]", "do not fit each other"});
  with(q, torch::zeros({}));
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {q, "do not fit each other"});
  with("visual_projection.weight", torch::zeros({3}));
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"visual.proj", "[3]"});
}

}  // namespace
}  // namespace fsc
