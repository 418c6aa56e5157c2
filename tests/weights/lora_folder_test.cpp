// LoRA on disk: out and in again, and every way in which its base can be another one. Its adapter for peft.
#include "fsc/weights/lora_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/model/context_length.h"
#include "fsc/weights/fixed_input.h"
#include "fsc/weights/peft.h"
#include "fsc/weights/state_hash.h"
#include "support/expect_error.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using torch::Tensor;

class LoraFolder : public testing::Test {
 protected:
  LoraFolder() : arch_(ArchConfig::load(FSC_TEST_DATA "/models/tiny-quickgelu.json")) {
    make_directories(base_path()), make_directories(run());
    write_model_files(base_path(), identity(), *base());
  }

  static void make_directories(const fs::path& path) { fs::create_directories(path); }
  fs::path base_path() const { return dir_ / "base"; }
  fs::path run() const { return dir_ / "run"; }
  ModelIdentity identity() const { return {arch_, default_preprocess(arch_)}; }
  ClipModel base() const {
    ClipModel model(arch_);
    test::fill_model(*model);
    return model;
  }
  /// The base with branches that are far from zero.
  ClipModel adapted(std::vector<std::string> targets = {"linear", "attention", "conv1"}) const {
    ClipModel model = base();
    LoraConfig config;
    config.rank = 3, config.alpha = 0.7, config.targets = std::move(targets);
    add_lora(*model, config, 1);
    const torch::NoGradGuard no_grad;
    for (auto& item : model->named_parameters())
      if (is_lora_parameter(item.key())) item.value().copy_(test::fill_signed(item.key(), item.value().sizes(), 0.3));
    return model;
  }
  LoraOrigin origin() const {
    return {base_path().string(), 0, state_hash(state_dict(*base())), {"linear", "attention", "conv1"}};
  }
  ClipModel write(LoraOrigin origin, std::vector<std::string> targets = {"linear", "attention", "conv1"}) const {
    ClipModel model = adapted(std::move(targets));
    write_model(run(), {identity(), &*model, std::move(origin)});
    return model;
  }
  /// The file again with other metadata or tensors.
  void rewrite(const std::function<void(StateDict&)>& change) const {
    StateDict state = read_safetensors(run() / kLoraFile);
    change(state);
    write_safetensors(run() / kLoraFile, state);
  }

  test::TempDir dir_;
  ArchConfig arch_;
};

TEST_F(LoraFolder, HoldsLorasTensorsOnlyAndSaysWhatTheyBelongTo) {
  const ClipModel model = write(origin());
  EXPECT_FALSE(fs::exists(run() / kModelFile));
  const StateDict file = read_safetensors(run() / kLoraFile);
  for (const auto& [name, tensor] : file.entries()) EXPECT_TRUE(is_lora_parameter(name)) << name;
  EXPECT_EQ(file.size(), 34u);
  EXPECT_EQ(file.metadata.at("lora_rank"), "3");
  EXPECT_EQ(file.metadata.at("lora_alpha"), "0.69999999999999996");
  EXPECT_EQ(file.metadata.at("lora_targets"), "linear,attention,conv1");
  EXPECT_EQ(file.metadata.at("lora_base"), base_path().string());
  EXPECT_EQ(find_model(run()).provenance.lora_base_sha256, origin().base_sha256);
  EXPECT_TRUE(is_lora(run()));
  EXPECT_TRUE(is_lora(run() / kLoraFile));
  EXPECT_FALSE(is_lora(base_path()));
  EXPECT_FALSE(is_lora(dir_ / "nowhere"));
}

TEST_F(LoraFolder, LoadsBesideTheWeightsAndMerged) {
  ClipModel model = write(origin());
  LoadedModel beside = load_lora(run()), merged = load_model(run());
  const auto want = fixed_input_features(*model), got = fixed_input_features(*beside.model),
             plain = fixed_input_features(*merged.model);
  EXPECT_TRUE(torch::equal(got.images_BD, want.images_BD));
  EXPECT_TRUE(torch::equal(got.texts_RD, want.texts_RD));
  EXPECT_LT(largest_difference(plain.images_BD, want.images_BD), 5e-6);
  EXPECT_LT(largest_difference(plain.texts_RD, want.texts_RD), 5e-6);
  EXPECT_EQ(lora_state(*merged.model).size(), 0u);
  EXPECT_GT(largest_difference(plain.images_BD, fixed_input_features(*base()).images_BD), 1e-3) << "the branches do something";
}

TEST_F(LoraFolder, ABareFileKnowsItsArchitecture) {
  write(origin());
  fs::create_directories(dir_ / "elsewhere");
  fs::rename(run() / kLoraFile, dir_ / "elsewhere/lora.safetensors");
  EXPECT_EQ(load_model(dir_ / "elsewhere").model->arch().vision.width, 64);
}

TEST_F(LoraFolder, RandomWeightsAreABaseToo) {
  ClipModel random(arch_);
  random->initialize(11);
  LoraOrigin from{"", 11, state_hash(state_dict(*random)), {"linear"}};
  write(from);
  EXPECT_NO_THROW(load_lora(run()));
  rewrite([](StateDict& state) { state.metadata["lora_base_seed"] = "12"; });
  test::expect_error([&] { load_lora(run()); }, ExitCode::kFailed, {"recorded seed", from.base_sha256});
  for (const char* seed : {"", "eleven", "-1", "1x", "99999999999999999999999"}) {
    rewrite([&](StateDict& state) { state.metadata["lora_base_seed"] = seed; });
    test::expect_error([&] { load_lora(run()); }, ExitCode::kFailed, {"neither a base nor a seed"});
  }
}

TEST_F(LoraFolder, AMovedBaseIsAskedFor) {
  write(origin());
  fs::rename(base_path(), dir_ / "moved");
  test::expect_error([&] { load_model(run()); }, ExitCode::kFailed, {base_path().string(), "merge-lora", "--base"});
  EXPECT_NO_THROW(load_lora(run(), dir_ / "moved"));
  EXPECT_NO_THROW(load_lora(run(), dir_ / "moved/model.safetensors"));
  test::expect_error([&] { load_lora(run(), dir_ / "nowhere"); }, ExitCode::kFailed, {(dir_ / "nowhere").string()});
}

TEST_F(LoraFolder, AnotherBaseIsRefused) {
  write(origin());
  ClipModel other = base();
  {
    const torch::NoGradGuard no_grad;
    other->named_parameters()["visual.proj"][0][0] += 1e-3;
  }
  make_directories(dir_ / "other");
  write_model_files(dir_ / "other", identity(), *other);
  test::expect_error([&] { load_lora(run(), dir_ / "other"); }, ExitCode::kFailed,
                     {"is not the base", origin().base_sha256, state_hash(state_dict(*other)), "merge-lora"});
  ClipModel wider(ArchConfig::parse(
      R"({"embed_dim": 32, "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 512, "width": 48, "heads": 4, "layers": 2}})",
      "wider", "test"));
  make_directories(dir_ / "wider");
  write_model_files(dir_ / "wider", {wider->arch(), default_preprocess(wider->arch())}, *wider);
  test::expect_error([&] { load_lora(run(), dir_ / "wider"); }, ExitCode::kFailed, {"does not fit"});
}

TEST_F(LoraFolder, ABaseOfAnotherContextIsGivenLorasByTheSameWay) {
  std::vector<std::string> notes;
  arch_.text.context_length = 40;
  ClipModel model(arch_);
  load_state(*model, with_context_length(read_safetensors(base_path() / kModelFile), 40, notes), "base");
  LoraOrigin from{base_path().string(), 0, state_hash(state_dict(*model)), {"linear"}, 77};
  add_lora(*model, {.rank = 2, .targets = {"linear"}}, 1);
  write_model(run(), {identity(), &*model, from});
  EXPECT_EQ(load_lora(run()).model->arch().text.context_length, 40);
  for (const char* length : {"", "many", "0", "-77", "999999999"}) {
    rewrite([&](StateDict& state) { state.metadata["lora_base_context_length"] = length; });
    test::expect_error([&] { load_lora(run()); }, ExitCode::kFailed, {kLoraFile, "lora_base_context_length"});
  }
  rewrite([](StateDict& state) { state.metadata.erase("lora_base_context_length"); });
  test::expect_error([&] { load_lora(run()); }, ExitCode::kFailed, {"is not the base", from.base_sha256});
}

TEST_F(LoraFolder, LoraOnMergedLora) {
  write(origin());
  LoadedModel first = load_model(run());
  LoraOrigin second{run().string(), 0, state_hash(state_dict(*first.model)), {"linear"}};
  const ClipModel model = adapted();
  make_directories(dir_ / "second");
  write_model(dir_ / "second", {identity(), &*model, second});
  ClipModel wanted(arch_);
  load_state(*wanted, state_dict(*first.model), "first");
  const StateDict branches = lora_state(*model);
  add_lora(*wanted, branches, "second");
  merge_lora(*wanted);
  const auto got = fixed_input_features(*load_model(dir_ / "second").model), want = fixed_input_features(*wanted);
  EXPECT_LT(largest_difference(got.images_BD, want.images_BD), 5e-6);
  EXPECT_LT(largest_difference(got.texts_RD, want.texts_RD), 5e-6);
  EXPECT_GT(largest_difference(got.images_BD, fixed_input_features(*first.model).images_BD), 1e-3)
      << "the second one does something, too";
}

TEST_F(LoraFolder, ABaseThatLeadsBackToItselfEnds) {
  LoraOrigin self = origin();
  self.base = run().string();
  write(self);
  test::expect_error([&] { load_model(run()); }, ExitCode::kFailed, {run().string() + ": ", "without an end"});
  make_directories(dir_ / "second");
  write_model(dir_ / "second", {identity(), &*adapted(), self});
  rewrite([&](StateDict& state) { state.metadata["lora_base"] = (dir_ / "second").string(); });
  test::expect_error([&] { load_lora(run()); }, ExitCode::kFailed, {"without an end"});
  EXPECT_NO_THROW(load_lora(run(), base_path())) << "with the right base given, the recorded one is not looked at";
}

TEST_F(LoraFolder, DamagedFilesAreNamed) {
  write(origin());
  const auto whole = test::read_all((run() / kLoraFile).string());
  const auto again = [&] { std::ofstream(run() / kLoraFile, std::ios::binary) << whole; };
  rewrite([](StateDict& state) { state.metadata.erase("lora_rank"); });
  test::expect_error([&] { load_model(run()); }, ExitCode::kFailed, {kLoraFile, "lora_rank"});
  again();
  rewrite([](StateDict& state) { state.entries()[4].second.fill_(std::nanf("")); });
  test::expect_error([&] { load_model(run()); }, ExitCode::kFailed, {kLoraFile, "NaN"});
  again();
  fs::resize_file(run() / kLoraFile, whole.size() / 2);
  test::expect_error([&] { load_model(run()); }, ExitCode::kFailed, {kLoraFile});
  again();
  rewrite([](StateDict& state) { state.metadata = {{"lora_rank", "3"}, {"lora_alpha", "1"}}; });
  fs::remove(run() / kModelConfigFile);
  EXPECT_THROW(load_model(run()), Error);
}

TEST_F(LoraFolder, GoesOnOnItsOwnBaseOnly) {
  ClipModel model = write(origin()), resumed = adapted();
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : resumed->named_parameters())
      if (is_lora_parameter(item.key())) item.value().zero_();
  }
  LoraOrigin other = origin();
  other.base_sha256 = std::string(64, 'a');
  test::expect_error([&] { resume_lora(*resumed, run(), other); }, ExitCode::kFailed, {"model.pretrained", other.base_sha256});
  resume_lora(*resumed, run(), origin());
  EXPECT_TRUE(torch::equal(fixed_input_features(*resumed).texts_RD, fixed_input_features(*model).texts_RD));
}

/// What peft computes: the base's weight plus lora_alpha / r times B A, or the composition of both convolutions.
TEST_F(LoraFolder, PeftsAdapterIsTheMergedWeight) {
  write(origin());
  const PeftReport report = export_peft(run(), dir_ / "peft");
  EXPECT_EQ(report.modules, 4 * 6 + 1);
  EXPECT_EQ(report.conv_rank, 64);
  const StateDict file = read_safetensors(dir_ / "peft/adapter_model.safetensors");
  const auto config = nlohmann::json::parse(test::read_all((dir_ / "peft/adapter_config.json").string()));
  EXPECT_EQ(config["target_modules"],
            (nlohmann::json{"fc1", "fc2", "k_proj", "out_proj", "patch_embedding", "q_proj", "v_proj"}));
  const auto before = state_dict(*base()), after = state_dict(*load_model(run()).model);
  const auto change = [&](const std::string& name) { return *after.find(name) - *before.find(name); };
  const auto product = [&](const std::string& module) {
    const std::string name = "base_model.model." + module;
    const Tensor A = *file.find(name + ".lora_A.weight"), B = *file.find(name + ".lora_B.weight");
    if (A.dim() == 4) return B.flatten(1).matmul(A.flatten(1)).view({B.size(0), A.size(1), A.size(2), A.size(3)});
    return B.matmul(A) * (config["lora_alpha"].get<double>() / config["r"].get<double>());
  };
  const auto qkv = change("transformer.resblocks.1.attn.in_proj_weight").chunk(3);
  const char* names[] = {"q_proj", "k_proj", "v_proj"};
  for (size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(torch::allclose(product("text_model.encoder.layers.1.self_attn." + std::string(names[i])), qkv[i], 0, 1e-6))
        << names[i];
  EXPECT_TRUE(torch::allclose(product("vision_model.encoder.layers.0.mlp.fc2"),
                              change("visual.transformer.resblocks.0.mlp.c_proj.weight"), 0, 1e-6));
  EXPECT_TRUE(torch::allclose(product("vision_model.embeddings.patch_embedding"), change("visual.conv1.weight"), 0, 1e-6));
  EXPECT_EQ(config["rank_pattern"]["patch_embedding"], config["alpha_pattern"]["patch_embedding"]);
}

TEST_F(LoraFolder, PeftsTargetsAreSpelledOutWhereNotAllHaveOne) {
  write(origin(), {"image.c_fc", "attention"});
  EXPECT_EQ(export_peft(run(), dir_ / "peft").modules, 4 * 4 + 2);
  const auto config = nlohmann::json::parse(test::read_all((dir_ / "peft/adapter_config.json").string()));
  EXPECT_EQ(config["target_modules"],
            (nlohmann::json{"k_proj", "out_proj", "q_proj", "v_proj", "vision_model.encoder.layers.0.mlp.fc1",
                            "vision_model.encoder.layers.1.mlp.fc1"}));
  EXPECT_TRUE(config["rank_pattern"].empty());
}

TEST_F(LoraFolder, PeftOfSomethingElseIsRefused) {
  test::expect_error([&] { export_peft(base_path(), dir_ / "peft"); }, ExitCode::kUsage, {"holds no lora.safetensors"});
  write(origin());
  test::expect_error([&] { export_peft(run(), base_path()); }, ExitCode::kUsage, {"exists already"});
  ClipModel siglip(ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json"));
  LoraConfig config;
  config.rank = 2;
  add_lora(*siglip, config, 1);
  make_directories(dir_ / "siglip");
  write_model(dir_ / "siglip", {{siglip->arch(), default_preprocess(siglip->arch())}, &*siglip, origin()});
  test::expect_error([&] { export_peft(dir_ / "siglip", dir_ / "peft"); }, ExitCode::kUsage, {"CLIPModel only"});
  EXPECT_FALSE(fs::exists(dir_ / "peft"));
}

}  // namespace
}  // namespace fsc
