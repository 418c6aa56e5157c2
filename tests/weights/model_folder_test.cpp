// Models on disk: round trips, what open_clip's record says, and every bad input.
#include "fsc/weights/model_folder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/eval_support.h"
#include "fsc/core/atomic_file.h"
#include "fsc/io/safetensors.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

/// A folder with the tiny model.
fs::path write_model(const fs::path& folder, uint64_t seed = 1) {
  fs::create_directories(folder);
  const LoadedModel loaded = test::tiny_model(seed);
  write_model_files(folder, loaded, *loaded.model);
  return folder;
}

TEST(ModelFolder, RoundTrip) {
  TempDir dir;
  LoadedModel loaded = test::tiny_model();
  loaded.preprocess.mean = {0.1, 0.2, 0.3};
  loaded.preprocess.std = {0.5, 0.6, 0.7};
  loaded.preprocess.interpolation = Interpolation::kBilinear;
  loaded.preprocess.resize_mode = ResizeMode::kSquash;
  write_model_files(dir.path(), loaded, *loaded.model);
  const LoadedModel again = load_model(dir.path());
  EXPECT_TRUE(again.arch == loaded.arch);
  EXPECT_TRUE(again.model->arch() == loaded.arch);
  EXPECT_EQ(again.preprocess.size, 32);
  EXPECT_EQ(again.preprocess.mean, loaded.preprocess.mean);
  EXPECT_EQ(again.preprocess.std, loaded.preprocess.std);
  EXPECT_EQ(again.preprocess.interpolation, Interpolation::kBilinear);
  EXPECT_EQ(again.preprocess.resize_mode, ResizeMode::kSquash);
  const StateDict before = state_dict(*loaded.model), after = state_dict(*again.model);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, tensor] : before.entries()) EXPECT_TRUE(torch::equal(tensor, *after.find(name))) << name;
}

TEST(ModelFolder, RecordIsOpenClips) {
  const auto json = nlohmann::json::parse(open_clip_config_json(describe(test::tiny_model())));
  EXPECT_EQ(json["model_cfg"]["embed_dim"], 16);
  EXPECT_EQ(json["model_cfg"]["vision_cfg"]["image_size"], 32);
  EXPECT_EQ(json["preprocess_cfg"]["interpolation"], "bicubic");
  EXPECT_EQ(json["preprocess_cfg"]["resize_mode"], "shortest");
  EXPECT_DOUBLE_EQ(json["preprocess_cfg"]["mean"][0].get<double>(), 0.48145466);
  EXPECT_EQ(json["fsc"]["activation"], "gelu");
  EXPECT_EQ(json.size(), 3u) << "open_clip reads the first two and passes over the third";
}

TEST(ModelFolder, ArchitectureFromFolderFileOrOption) {
  TempDir dir;
  const auto folder = write_model(dir / "run");
  const auto bare = dir / "bare.safetensors", silent = dir / "silent.safetensors";
  fs::copy_file(folder / kModelFile, bare);
  StateDict stripped = read_safetensors(bare);
  stripped.metadata.clear();
  write_safetensors(silent, stripped);
  const auto arch = dir.write("tiny.json", test::tiny_arch().to_json()).string();
  EXPECT_NO_THROW(load_model(folder));
  EXPECT_NO_THROW(load_model(folder, arch));
  EXPECT_NO_THROW(load_model(folder / kModelFile));
  EXPECT_EQ(load_model(bare).model->arch().embed_dim, 16) << "the file's metadata say it";
  EXPECT_EQ(load_model(silent, arch).model->arch().embed_dim, 16);
  EXPECT_EQ(load_model(silent, arch).preprocess.size, 32);
  expect_error([&] { load_model(silent); }, ExitCode::kUsage, {"silent.safetensors", "--arch"});
  fs::remove(folder / kModelConfigFile);
  EXPECT_NO_THROW(load_model(folder));
  fs::copy_file(silent, folder / kModelFile, fs::copy_options::overwrite_existing);
  expect_error([&] { load_model(folder); }, ExitCode::kUsage, {"run/model.safetensors", "--arch"});
  EXPECT_NO_THROW(load_model(folder, arch));
}

TEST(ModelFolder, ContradictionNamesTheFields) {
  TempDir dir;
  const auto folder = write_model(dir / "run");
  ArchConfig other = test::tiny_arch();
  other.embed_dim = 24;
  other.text.layers = 3;
  const auto arch = dir.write("other.json", other.to_json()).string();
  expect_error([&] { load_model(folder, arch); }, ExitCode::kUsage,
               {"contradicts", "embed_dim 16 against 24", "text_cfg.layers 1 against 3"});
  expect_error([&] { load_model(folder, "no-such-arch"); }, ExitCode::kUsage, {"no-such-arch"});
}

TEST(ModelFolder, MissingOrForeign) {
  TempDir dir;
  expect_error([&] { load_model(dir / "absent"); }, ExitCode::kFailed, {"absent", "no checkpoint"});
  expect_error([&] { load_model(dir.path()); }, ExitCode::kFailed, {"holds no model.safetensors"});
  expect_error([&] { load_model(dir.write("m.pt", "PK"), "ViT-B-32"); }, ExitCode::kFailed, {"m.pt"});
  write_model(dir / "run/checkpoints/step_9");
  write_model(dir / "run/checkpoints/step_10");
  expect_error([&] { load_model(dir / "run"); }, ExitCode::kFailed, {"not finished", "step_10"});
  EXPECT_NO_THROW(load_model(dir / "run/checkpoints/step_10"));
}

TEST(ModelFolder, DamagedFiles) {
  TempDir dir;
  const auto folder = write_model(dir / "run");
  const std::string config = read_file(folder / kModelConfigFile);
  const auto with_config = [&](const std::string& text) {
    dir.write("run/open_clip_config.json", text);
    return [&] { load_model(folder); };
  };
  expect_error(with_config("{"), ExitCode::kFailed, {kModelConfigFile, "not valid JSON"});
  expect_error(with_config("{}"), ExitCode::kFailed, {"no model_cfg"});
  auto json = nlohmann::json::parse(config);
  json["preprocess_cfg"]["interpolation"] = "nearest";
  expect_error(with_config(json.dump()), ExitCode::kFailed, {"interpolation", "nearest"});
  json["preprocess_cfg"]["interpolation"] = nullptr;
  json["preprocess_cfg"]["mean"] = "grey";
  expect_error(with_config(json.dump()), ExitCode::kFailed, {"preprocess_cfg.mean", "wrong type"});
  json["preprocess_cfg"]["mean"] = nullptr;
  json["preprocess_cfg"]["std"] = {0, 1, 1};
  expect_error(with_config(json.dump()), ExitCode::kFailed, {"preprocess_cfg.std"});
  dir.write("run/open_clip_config.json", config);

  const std::string weights = read_file(folder / kModelFile);
  dir.write("run/model.safetensors", weights.substr(0, weights.size() - 100));
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"model.safetensors"});
  dir.write("run/model.safetensors", "");
  expect_error([&] { load_model(folder); }, ExitCode::kFailed, {"model.safetensors"});
}

TEST(ModelFolder, NanAndMissingWeights) {
  TempDir dir;
  const LoadedModel loaded = test::tiny_model();
  fs::create_directories(dir / "nan");
  write_model_files(dir / "nan", loaded, *loaded.model);
  StateDict bad, few;
  const StateDict written = read_safetensors(dir / "nan" / kModelFile);
  for (const auto& [name, tensor] : written.entries()) {
    bad.add(name, tensor.clone());
    if (name != "text_projection") few.add(name, tensor);
  }
  bad.find("text_projection")->view(-1)[5].fill_(std::nan(""));
  write_safetensors(dir / "nan" / kModelFile, bad);
  expect_error([&] { load_model(dir / "nan"); }, ExitCode::kFailed, {"text_projection", "NaN"});
  write_safetensors(dir / "nan" / kModelFile, few);
  expect_error([&] { load_model(dir / "nan"); }, ExitCode::kFailed, {"text_projection"});
}

}  // namespace
}  // namespace fsc
