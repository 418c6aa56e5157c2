// What a model is when it is said once, twice, differently, or not at all.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/eval_support.h"
#include "fsc/core/atomic_file.h"
#include "fsc/io/safetensors.h"
#include "weights/detail_shapes.h"
#include "weights/detail_source.h"
#include "weights/formats_support.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

/// Shapes without values: the state of an architecture as a file's reader might give it.
StateDict shapes_of(const ArchConfig& arch) {
  StateDict state;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    state.add(name, torch::empty(shape, torch::kMeta));
  };
  const VisionConfig& v = arch.vision;
  const TextConfig& t = arch.text;
  const int64_t positions = v.grid() * v.grid();
  const auto blocks = [&](const std::string& prefix, int64_t width, double ratio, int64_t layers, const char* fc) {
    for (int64_t i = 0; i < layers; ++i)
      add(prefix + std::to_string(i) + fc, {static_cast<int64_t>(static_cast<double>(width) * ratio), width});
  };
  if (v.siglip) {
    add("visual.trunk.attn_pool.latent", {1, 1, v.width});
    add("visual.trunk.patch_embed.proj.weight", {v.width, 3, v.patch_size, v.patch_size});
    add("visual.trunk.pos_embed", {1, positions, v.width});
    blocks("visual.trunk.blocks.", v.width, v.mlp_ratio, v.layers, ".mlp.fc1.weight");
  } else {
    add("visual.conv1.weight", {v.width, 3, v.patch_size, v.patch_size});
    add("visual.positional_embedding", {positions + 1, v.width});
    add("visual.proj", {v.width, arch.embed_dim});
    blocks("visual.transformer.resblocks.", v.width, v.mlp_ratio, v.layers, ".mlp.c_fc.weight");
  }
  const std::string text = arch.custom_text ? "text." : "";
  add(text + "token_embedding.weight", {t.vocab_size, t.width});
  add(text + "positional_embedding", {t.context_length, t.width});
  blocks(text + "transformer.resblocks.", t.width, t.mlp_ratio, t.layers, ".mlp.c_fc.weight");
  return state;
}

TEST(InferArch, EveryKnownArchitecture) {
  for (const auto& name : known_architectures()) {
    const ArchConfig arch = ArchConfig::load(name);
    const auto inferred = detail::infer_arch(shapes_of(arch));
    ASSERT_TRUE(inferred) << name;
    EXPECT_TRUE(inferred->heads_known) << name;
    EXPECT_EQ(inferred->arch.vision.image_size, arch.vision.image_size) << name;
    EXPECT_EQ(inferred->arch.vision.head_width, arch.vision.head_width) << name << ": H/14's heads are 80 wide";
    EXPECT_EQ(inferred->arch.text.heads, arch.text.heads) << name;
    const auto& candidates = inferred->candidates;
    EXPECT_NE(std::find(candidates.begin(), candidates.end(), name), candidates.end()) << name;
    EXPECT_EQ(candidates.size(), arch.vision.siglip ? 1u : 2u) << name;
  }
}

TEST(InferArch, NonsenseIsNoArchitecture) {
  const ArchConfig arch = ArchConfig::load("ViT-B-32");
  const StateDict good = shapes_of(arch);
  const auto with = [&](const std::string& changed, std::vector<int64_t> shape) {
    StateDict state;
    for (const auto& [name, tensor] : good.entries())
      if (name != changed)
        state.add(name, tensor);
      else if (!shape.empty())
        state.add(name, torch::empty(shape, torch::kMeta));
    return detail::infer_arch(state);
  };
  EXPECT_FALSE(with("visual.conv1.weight", {768}));
  EXPECT_FALSE(with("visual.positional_embedding", {51, 768})) << "50 patches form no square";
  EXPECT_FALSE(with("visual.positional_embedding", {1, 768}));
  EXPECT_FALSE(with("visual.proj", {}));
  EXPECT_FALSE(with("token_embedding.weight", {0, 512}));
  const auto unknown = with("visual.proj", {768, 300});
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->heads_known);
  EXPECT_TRUE(unknown->candidates.empty());
}

detail::Resolved resolve_shapes(const std::string& name, FileKind kind, const std::string& given = "",
                                const std::string& activation = "") {
  CheckpointFile file{kind, shapes_of(ArchConfig::load(name))};
  if (!activation.empty()) file.state.metadata["activation"] = activation;
  detail::ModelFiles files;
  files.weights = "some/file.pt";
  return detail::resolve(files, file, given);
}

TEST(Resolve, OpenAiArchivesAreQuickGelu) {
  EXPECT_EQ(resolve_shapes("ViT-L-14-336", FileKind::kTorchScript).description.arch->name, "ViT-L-14-336-quickgelu");
  EXPECT_EQ(resolve_shapes("ViT-B-16", FileKind::kTorchScript, "", "gelu").description.arch->name, "ViT-B-16");
  expect_error([] { resolve_shapes("ViT-B-32", FileKind::kTorchScript, "ViT-B-32"); }, ExitCode::kUsage,
               {"QuickGELU", "leave --arch", "force:"});
  EXPECT_FALSE(resolve_shapes("ViT-B-32", FileKind::kTorchScript, "force:ViT-B-32").description.arch->quick_gelu);
}

TEST(Resolve, BareFilesAskForTheActivation) {
  for (const FileKind kind : {FileKind::kSafetensors, FileKind::kTorchZip})
    expect_error(
        [&] { resolve_shapes("ViT-H-14", kind); }, ExitCode::kUsage,
        {"some/file.pt", "GELU from QuickGELU", "--arch", "model.arch", "ViT-H-14 (gelu) or ViT-H-14-quickgelu (quick_gelu)"});
  EXPECT_EQ(resolve_shapes("ViT-B-32", FileKind::kTorchZip, "ViT-B-32-quickgelu").description.arch->name, "ViT-B-32-quickgelu");
}

TEST(Resolve, SiglipIsKnownByItsShapes) {
  EXPECT_EQ(resolve_shapes("ViT-B-16-SigLIP-384", FileKind::kSafetensors).description.arch->name, "ViT-B-16-SigLIP-384");
  EXPECT_EQ(resolve_shapes("ViT-B-16-SigLIP2", FileKind::kSafetensors).description.arch->name, "ViT-B-16-SigLIP2");
}

/// A folder whose config and metadata can be changed apart.
struct Folder {
  TempDir dir;
  Folder() {
    LoadedModel loaded = test::tiny_model();
    loaded.provenance = {.step = 12, .config_sha256 = "c0ffee"};
    fs::create_directories(dir / "m");
    write_model_files(dir / "m", loaded, *loaded.model);
  }
  void change_config(const std::function<void(nlohmann::json&)>& change) {
    auto json = nlohmann::json::parse(read_file(dir / "m/open_clip_config.json"));
    change(json);
    dir.write("m/open_clip_config.json", json.dump());
  }
};

TEST(Resolve, ProvenanceComesBack) {
  Folder folder;
  for (const fs::path& path : {folder.dir / "m", folder.dir / "m/model.safetensors"}) {
    const ModelSource source = find_model(path);
    EXPECT_EQ(source.provenance.step, 12);
    EXPECT_EQ(source.provenance.config_sha256, "c0ffee");
    EXPECT_EQ(source.arch.name, "tiny-eval");
  }
  fs::copy_file(folder.dir / "m/model.safetensors", folder.dir / "copy.safetensors");
  EXPECT_EQ(find_model(folder.dir / "copy.safetensors").provenance.step, 12);
  EXPECT_EQ(find_model(folder.dir / "copy.safetensors").preprocess, default_preprocess(test::tiny_arch()));
}

TEST(Resolve, RecordsThatContradictEachOther) {
  Folder folder;
  folder.change_config([](auto& json) { json["model_cfg"]["quick_gelu"] = true, json.erase("fsc"); });
  expect_error([&] { load_model(folder.dir / "m"); }, ExitCode::kUsage,
               {"contradicts", "quick_gelu", "open_clip_config.json", "metadata", "force:"});
  folder.change_config([](auto& json) { json["fsc"] = {{"activation", "gelu"}}; });
  expect_error([&] { load_model(folder.dir / "m"); }, ExitCode::kUsage, {"contradicts itself", "quick_gelu", "gelu"});
  folder.change_config([](auto& json) { json.erase("fsc"); });
  const auto quick = folder.dir.write("quick.json", [] {
    ArchConfig arch = test::tiny_arch();
    arch.quick_gelu = true;
    return arch.to_json();
  }());
  EXPECT_TRUE(load_model(folder.dir / "m", "force:" + quick.string()).model->arch().quick_gelu);
}

TEST(Resolve, WrongRecords) {
  Folder folder;
  folder.change_config([](auto& json) { json["fsc"]["step"] = "twelve"; });
  expect_error([&] { find_model(folder.dir / "m"); }, ExitCode::kFailed, {"fsc.step", "wrong type"});
  folder.change_config([](auto& json) { json["fsc"] = 3; });
  expect_error([&] { find_model(folder.dir / "m"); }, ExitCode::kFailed, {"fsc must be a map"});
  folder.change_config([](auto& json) { json["fsc"] = {{"tokenizer_sha256", std::string(64, '0')}}; });
  expect_error([&] { find_model(folder.dir / "m"); }, ExitCode::kFailed, {"another tokenizer", std::string(64, '0')});
  StateDict state = read_safetensors(folder.dir / "m/model.safetensors");
  state.metadata["fsc"] = "{";
  write_safetensors(folder.dir / "bare.safetensors", state);
  expect_error([&] { find_model(folder.dir / "bare.safetensors"); }, ExitCode::kFailed,
               {"bare.safetensors's metadata", "not valid JSON"});
}

TEST(Resolve, TextPrefixFollowsTheArchitecture) {
  ArchConfig arch = test::tiny_arch();
  const StateDict plain = state_dict(*test::tiny_model().model);
  arch.custom_text = true;
  const StateDict custom = detail::fit_text_prefix(plain, arch);
  EXPECT_TRUE(custom.find("text.ln_final.weight") && custom.find("text.text_projection") && custom.find("visual.proj") &&
              custom.find("logit_scale"));
  EXPECT_EQ(custom.find("ln_final.weight"), nullptr);
  arch.custom_text = false;
  test::expect_same_tensors(plain, detail::fit_text_prefix(custom, arch));
}

}  // namespace
}  // namespace fsc
