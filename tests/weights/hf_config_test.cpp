// transformers' JSON files: what is read, what is refused, and that what is written comes back.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/model_folder.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "weights/detail_hf_config.h"

namespace fsc {
namespace {

using detail::parse_hf_config;
using nlohmann::json;
using test::expect_error;

TEST(HfConfig, KnownArchitecturesComeBack) {
  for (const auto& name : known_architectures()) {
    const ArchConfig arch = ArchConfig::load(name);
    const ArchConfig again = parse_hf_config(detail::hf_config_json(arch, "float32"), "folder", "config.json");
    EXPECT_TRUE(again == arch) << name;
    EXPECT_EQ(again.text.hf_tokenizer_name.empty(), arch.text.hf_tokenizer_name.empty()) << name;
  }
}

TEST(HfConfig, OddHiddenSizesComeBack) {
  ArchConfig arch = ArchConfig::load("ViT-B-32");
  for (const int64_t hidden : {1, 7, 1000, 1365, 3071, 4301}) {
    auto config = json::parse(detail::hf_config_json(arch, "float32"));
    config["vision_config"]["intermediate_size"] = hidden;
    const ArchConfig read = parse_hf_config(config.dump(), "x", "x");
    EXPECT_EQ(static_cast<int64_t>(static_cast<double>(read.vision.width) * read.vision.mlp_ratio), hidden);
    EXPECT_EQ(json::parse(detail::hf_config_json(read, "float32"))["vision_config"]["intermediate_size"], hidden);
  }
}

TEST(HfConfig, DefaultsAreTransformers) {
  const ArchConfig clip = parse_hf_config(R"({"model_type": "clip"})", "x", "x");
  EXPECT_TRUE(clip == ArchConfig::load("ViT-B-32-quickgelu"));
  EXPECT_EQ(clip.name, "ViT-B-32-quickgelu");
  ArchConfig siglip = ArchConfig::load("ViT-B-16-SigLIP");
  siglip.vision.gelu_tanh = siglip.text.gelu_tanh = true;
  EXPECT_TRUE(parse_hf_config(R"({"model_type": "siglip"})", "x", "x") == siglip);
}

TEST(HfConfig, TheOldDictWins) {
  const auto arch = parse_hf_config(R"({"model_type": "clip", "text_config": {"num_hidden_layers": 3, "hidden_act": "gelu"},
      "text_config_dict": {"num_hidden_layers": 5}, "vision_config": {"num_hidden_layers": 7}, "vision_config_dict": null})",
                                    "x", "x");
  EXPECT_EQ(arch.text.layers, 5);
  EXPECT_EQ(arch.vision.layers, 7);
  EXPECT_TRUE(arch.quick_gelu) << "the dict's default, as in transformers";
}

TEST(HfConfig, WhatCannotBeBuiltIsNamed) {
  const auto refused = [](const std::string& text, const std::vector<std::string>& parts) {
    expect_error([&] { parse_hf_config(text, "x", "some/config.json"); }, ExitCode::kFailed, parts);
  };
  refused("[]", {"some/config.json", "no JSON object"});
  refused("{", {"not valid JSON"});
  refused(R"({"model_type": "chinese_clip"})", {"'chinese_clip'", "CLIPModel"});
  refused(R"({"model_type": "clip", "text_config": 3})", {"text_config must be a map"});
  refused(R"({"model_type": "clip", "text_config": {"hidden_act": "gelu"}})", {"text_config.hidden_act", "quick_gelu"});
  refused(R"({"model_type": "clip", "text_config": {"hidden_act": "relu"}, "vision_config": {"hidden_act": "relu"}})",
          {"hidden_act", "relu"});
  refused(R"({"model_type": "clip", "vision_config": {"layer_norm_eps": 1e-6}})", {"vision_config.layer_norm_eps"});
  refused(R"({"model_type": "clip", "vision_config": {"num_channels": 1}})", {"num_channels is 1"});
  refused(R"({"model_type": "clip", "vision_config": {"num_attention_heads": 5}})", {"num_attention_heads", "768"});
  refused(R"({"model_type": "clip", "vision_config": {"num_hidden_layers": "many"}})", {"num_hidden_layers", "whole number"});
  refused(R"({"model_type": "clip", "vision_config": {"image_size": [224, 240]}})", {"image_size", "square"});
  refused(R"({"model_type": "clip", "text_config": {"eos_token_id": 7}})", {"eos_token_id is 7", "largest id"});
  refused(R"({"model_type": "clip", "text_config": {"vocab_size": -1}})", {"vocab_size"});
  refused(R"({"model_type": "siglip", "vision_config": {"vision_use_head": false}})", {"vision_use_head"});
  refused(R"({"model_type": "siglip", "text_config": {"projection_size": 12}})", {"projection_size"});
  refused(R"({"model_type": "siglip", "vision_config": {"hidden_act": "quick_gelu"}})", {"hidden_act"});

  ArchConfig scaled = ArchConfig::load("ViT-B-32");
  scaled.vision.ls_init_value = 1e-5;
  expect_error([&] { detail::hf_config_json(scaled, "float32"); }, ExitCode::kFailed, {"LayerScale"});
  ArchConfig mixed = ArchConfig::load("ViT-B-16-SigLIP");
  mixed.text.no_causal_mask = false;
  expect_error([&] { detail::hf_config_json(mixed, "float32"); }, ExitCode::kFailed, {"mixes parts"});
}

TEST(HfPreprocess, ComesBack) {
  const ArchConfig arch = ArchConfig::load("ViT-L-14-336");
  Preprocess changed = default_preprocess(arch);
  EXPECT_EQ(detail::parse_hf_preprocess(detail::hf_preprocess_json(changed, arch), arch, "x"), changed);
  changed.mean = {0.1, 0.2, 0.3}, changed.std = {1, 2, 3};
  changed.interpolation = Interpolation::kBilinear, changed.resize_mode = ResizeMode::kSquash;
  EXPECT_EQ(detail::parse_hf_preprocess(detail::hf_preprocess_json(changed, arch), arch, "x"), changed);
}

TEST(HfPreprocess, OldFilesAndBadOnes) {
  const ArchConfig arch = ArchConfig::load("ViT-B-32");
  EXPECT_EQ(detail::parse_hf_preprocess(R"({"size": 224, "crop_size": 224, "resample": 3})", arch, "x"),
            default_preprocess(arch));
  EXPECT_EQ(detail::parse_hf_preprocess("{}", arch, "x"), default_preprocess(arch));
  const auto refused = [&](const std::string& text, const std::vector<std::string>& parts) {
    expect_error([&] { detail::parse_hf_preprocess(text, arch, "some/p.json"); }, ExitCode::kFailed, parts);
  };
  refused(R"({"size": {"shortest_edge": 336}})", {"some/p.json", "size", "224 pixels"});
  refused(R"({"resample": 0})", {"resample is 0", "bicubic"});
  refused(R"({"image_mean": [1, 2]})", {"image_mean", "three numbers"});
  refused(R"({"image_std": [1, 0, 1]})", {"image_std"});
  refused(R"({"do_normalize": false})", {"do_normalize"});
}

TEST(HfTokenizer, VocabularyAndMergesAreClips) {
  const test::TempDir dir;
  detail::write_hf_tokenizer(dir.path(), ArchConfig::load("ViT-B-32"), "");
  const auto vocabulary = json::parse(read_file(dir / "vocab.json"));
  EXPECT_EQ(vocabulary.size(), 49408u);
  EXPECT_EQ(vocabulary["!"], 0);
  EXPECT_EQ(vocabulary["<|startoftext|>"], 49406);
  EXPECT_EQ(vocabulary["<|endoftext|>"], 49407);
  const auto tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
  for (const char* word : {"cat", "photo", "horse"})
    EXPECT_EQ(vocabulary[std::string(word) + "</w>"].get<int64_t>(), tokenizer->encode(word, 77)[1]) << word;
  const std::string merges = read_file(dir / "merges.txt");
  EXPECT_TRUE(merges.starts_with("#version: 0.2\ni n\n"));
  EXPECT_EQ(std::count(merges.begin(), merges.end(), '\n'), 48894 + 1);
  EXPECT_EQ(json::parse(read_file(dir / "tokenizer_config.json"))["tokenizer_class"], "CLIPTokenizer");
  EXPECT_EQ(json::parse(read_file(dir / "special_tokens_map.json"))["pad_token"], "<|endoftext|>");
}

}  // namespace
}  // namespace fsc
