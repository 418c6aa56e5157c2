// Conversions: bit for bit there and back, the check, and outputs that are refused.
#include "fsc/weights/convert.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/eval_support.h"
#include "fsc/core/atomic_file.h"
#include "fsc/io/checkpoint_file.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/model_info.h"
#include "support/text_rows.h"
#include "weights/detail_names.h"
#include "weights/formats_support.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::expect_features;
using test::expect_same_tensors;
using test::format_file;
using test::TempDir;

ConvertReport convert(const fs::path& input, ModelFormat format, const fs::path& output, const std::string& arch = "",
                      WeightDtype dtype = WeightDtype::kKeep) {
  return convert_model({.input = input.string(), .arch = arch, .format = format, .output = output.string(), .dtype = dtype});
}

TEST(Convert, HuggingFaceThereAndBackIsBitIdentical) {
  for (const char* name : {"hf-clip", "hf-siglip", "hf-clip-bin"}) {
    TempDir dir;
    const ConvertReport there = convert(format_file(name), ModelFormat::kOpenClip, dir / "oc");
    EXPECT_LE(there.image_difference, 1e-6) << name;
    EXPECT_LE(there.text_difference, 1e-6) << name;
    convert(dir / "oc", ModelFormat::kHuggingFace, dir / "hf");
    const detail::NameStyle style = detail::name_style(read_safetensors(dir / "hf/model.safetensors"));
    EXPECT_TRUE(style == detail::NameStyle::kHfClip || style == detail::NameStyle::kHfSiglip);
    const fs::path source = fs::exists(format_file(name) / "model.safetensors") ? "model.safetensors" : "pytorch_model.bin";
    expect_same_tensors(read_checkpoint_file(format_file(name) / source).state, read_safetensors(dir / "hf/model.safetensors"));
    expect_features(*load_model(dir / "hf").model, name);
    EXPECT_EQ(nlohmann::json::parse(read_file(dir / "hf/config.json"))["dtype"],
              std::string(name) == "hf-clip-bin" ? "float16" : "float32");
  }
}

TEST(Convert, RunFolderThereAndBack) {
  TempDir dir;
  LoadedModel loaded = test::tiny_model(5);
  loaded.provenance = {.step = 7, .config_sha256 = "abc"};
  fs::create_directories(dir / "run");
  write_model_files(dir / "run", loaded, *loaded.model);
  convert(dir / "run", ModelFormat::kHuggingFace, dir / "hf");
  convert(dir / "hf", ModelFormat::kOpenClip, dir / "oc");
  EXPECT_EQ(read_file(dir / "oc/model.safetensors"), read_file(dir / "run/model.safetensors"))
      << "record and order come back too";
  EXPECT_EQ(read_file(dir / "oc/open_clip_config.json"), read_file(dir / "run/open_clip_config.json"));
  EXPECT_TRUE(fs::exists(dir / "hf/vocab.json") && fs::exists(dir / "hf/preprocessor_config.json"));
}

TEST(Convert, NumberFormats) {
  TempDir dir;
  const std::string arch = format_file("open_clip.json").string();
  for (const auto& [dtype, type] : {std::pair{WeightDtype::kFp16, torch::kHalf},
                                    {WeightDtype::kBf16, torch::kBFloat16},
                                    {WeightDtype::kFp32, torch::kFloat}}) {
    const fs::path out = dir / std::to_string(static_cast<int>(dtype));
    const ConvertReport report = convert(format_file("open_clip.pt"), ModelFormat::kHuggingFace, out, arch, dtype);
    EXPECT_EQ(report.image_difference > 1e-6, dtype != WeightDtype::kFp32);
    EXPECT_EQ(report.text_difference > 1e-6, dtype != WeightDtype::kFp32);
    EXPECT_LE(report.text_difference, dtype == WeightDtype::kBf16 ? 0.02 : 0.003);
    const StateDict written = read_safetensors(out / "model.safetensors");
    for (const auto& [name, tensor] : written.entries()) EXPECT_EQ(tensor.scalar_type(), type) << name;
  }
  // float32 of a half archive: the very same values.
  convert(format_file("gelu_archive.pt"), ModelFormat::kOpenClip, dir / "wide", "force:" + arch, WeightDtype::kFp32);
  convert(format_file("gelu_archive.pt"), ModelFormat::kOpenClip, dir / "kept", "force:" + arch);
  const StateDict wide = read_safetensors(dir / "wide/model.safetensors"),
                  kept = read_safetensors(dir / "kept/model.safetensors");
  for (const auto& [name, tensor] : kept.entries()) {
    EXPECT_EQ(tensor.scalar_type(), torch::kHalf) << name;
    EXPECT_TRUE(torch::equal(tensor.to(torch::kFloat), *wide.find(name))) << name;
  }
}

TEST(Convert, TooLargeForHalf) {
  TempDir dir;
  const LoadedModel loaded = test::tiny_model();
  {
    const torch::NoGradGuard no_grad;
    loaded.model->named_parameters()["ln_final.bias"].fill_(1e5);
  }
  fs::create_directories(dir / "run");
  write_model_files(dir / "run", loaded, *loaded.model);
  expect_error([&] { convert(dir / "run", ModelFormat::kOpenClip, dir / "out", "", WeightDtype::kFp16); }, ExitCode::kFailed,
               {"ln_final.bias", "too large", "bf16"});
  EXPECT_FALSE(fs::exists(dir / "out"));
  EXPECT_NO_THROW(convert(dir / "run", ModelFormat::kOpenClip, dir / "out", "", WeightDtype::kBf16));
}

TEST(Convert, CheckIsKeptWhereAsked) {
  TempDir dir;
  convert_model({.input = format_file("hf-clip").string(),
                 .arch = "",
                 .format = ModelFormat::kOpenClip,
                 .output = (dir / "oc").string(),
                 .dtype = WeightDtype::kKeep,
                 .check_file = (dir / "check.safetensors").string()});
  const StateDict check = read_safetensors(dir / "check.safetensors");
  LoadedModel loaded = load_model(dir / "oc");
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(loaded.model->encode_images(*check.find("pixels")).features_BD, *check.find("image_features")));
  EXPECT_TRUE(
      torch::equal(loaded.model->encode_texts(test::text_rows(*check.find("ids"))).features_RD, *check.find("text_features")));
}

TEST(Convert, OutputsThatAreRefused) {
  TempDir dir;
  dir.write("full/file", "x");
  dir.write("plain", "x");
  const auto to = [&](const fs::path& output) {
    return [&, output] { convert(format_file("hf-clip"), ModelFormat::kOpenClip, output); };
  };
  expect_error(to(dir / "full"), ExitCode::kUsage, {"full", "holds files already"});
  expect_error(to(dir / "plain"), ExitCode::kUsage, {"plain", "is a file"});
  fs::create_directories(dir / "empty");
  EXPECT_NO_THROW(to(dir / "empty")());
  EXPECT_EQ(read_file(dir / "full/file"), "x");
}

TEST(Convert, WhatHuggingFaceCannotExpress) {
  TempDir dir;
  ArchConfig arch = test::tiny_arch();
  arch.vision.ls_init_value = 0.1;
  ClipModel model(arch);
  model->initialize(1);
  fs::create_directories(dir / "run");
  write_model_files(dir / "run", {arch, default_preprocess(arch)}, *model);
  expect_error([&] { convert(dir / "run", ModelFormat::kHuggingFace, dir / "hf"); }, ExitCode::kFailed,
               {"CLIPModel", "ls_1.gamma"});
  EXPECT_FALSE(fs::exists(dir / "hf"));
  EXPECT_NO_THROW(convert(dir / "run", ModelFormat::kOpenClip, dir / "oc"));
}

TEST(ModelInfo, SaysWhatIsThere) {
  TempDir dir;
  convert(format_file("hf-clip"), ModelFormat::kOpenClip, dir / "oc");
  const ModelInfo info = inspect_model(dir / "oc");
  EXPECT_EQ(info.kind, "folder written by fsc (safetensors)");
  EXPECT_EQ(info.names, "open_clip");
  EXPECT_TRUE(info.missing.empty());
  EXPECT_EQ(info.not_finite, 0);
  EXPECT_EQ(info.parameters, load_model(dir / "oc").model->parameter_count());
  const auto json = nlohmann::json::parse(info_json(info));
  EXPECT_EQ(json["activation"], "gelu");
  EXPECT_EQ(json["context_length"], 8);
  EXPECT_EQ(json["tensors"].size(), info.tensors.size());
  const std::string text = info_text(info);
  for (const char* part : {"activation      gelu", "NaN or Inf      none", "visual.conv1.weight", "8x3x4x4"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(ModelInfo, NormsAndValuesThatAreNotFinite) {
  TempDir dir;
  StateDict state;
  state.add("a", torch::tensor({3.0f, 4.0f}));
  state.add("b", torch::tensor({NAN, 2.0f, INFINITY, -INFINITY}).to(torch::kHalf));
  state.add("count", torch::tensor({1, 2, 2}, torch::kInt64));
  state.add("none", torch::zeros({0, 3}));
  state.add("big", torch::full({4}, 3e38f));
  write_safetensors(dir / "odd.safetensors", state);
  const ModelInfo info = inspect_model(dir / "odd.safetensors");
  EXPECT_EQ(info.names, "");
  ASSERT_EQ(info.missing.size(), 1u);
  EXPECT_NE(info.missing[0].find("no CLIP or SigLIP model"), std::string::npos);
  EXPECT_DOUBLE_EQ(info.tensors[0].norm, 5);
  EXPECT_DOUBLE_EQ(info.tensors[1].norm, 2);
  EXPECT_EQ(info.tensors[1].nan, 1);
  EXPECT_EQ(info.tensors[1].inf, 2);
  EXPECT_EQ(info.tensors[1].dtype, "F16");
  EXPECT_DOUBLE_EQ(info.tensors[2].norm, 3);
  EXPECT_EQ(info.tensors[3].norm, 0);
  EXPECT_EQ(info.tensors[4].inf, 0) << "a norm beyond float32 is no infinity";
  EXPECT_EQ(info.not_finite, 3);
  EXPECT_EQ(info.parameters, 10);
  EXPECT_NE(info_text(info).find("3 VALUES ARE NOT FINITE"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(info_json(info))["arch"].is_null());
}

TEST(ModelInfo, WhatIsMissingIsSaid) {
  const ModelInfo info = inspect_model(format_file("open_clip.pt"));
  EXPECT_EQ(info.kind, "bare file (PyTorch zip file)");
  EXPECT_EQ(info.metadata.at("epoch"), "3");
  ASSERT_TRUE(info.description.arch);
  EXPECT_FALSE(info.description.activation_known);
  ASSERT_EQ(info.missing.size(), 1u);
  EXPECT_NE(info.missing[0].find("--arch"), std::string::npos);
  const auto json = nlohmann::json::parse(info_json(info));
  EXPECT_TRUE(json["activation"].is_null());
  EXPECT_EQ(json["model_cfg"]["vision_cfg"]["layers"], 2);
  expect_error([] { inspect_model("no/such/file"); }, ExitCode::kFailed, {"no/such/file"});
}

}  // namespace
}  // namespace fsc
