// Architectures: what is compiled in equals configs/models, and every unsupported or mistaken field is refused by name.
#include "fsc/model/arch_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fsc/core/error.h"
#include "model/detail_builtin.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A valid config with `vision` and `text` put into the two towers' objects and `root` beside them.
std::string config(const std::string& vision, const std::string& text = "", const std::string& root = "") {
  const auto join = [](const std::string& fields, const std::string& more) { return fields + (more.empty() ? "" : ", ") + more; };
  return "{" + join("\"embed_dim\": 32", root) + ", \"vision_cfg\": {" + join("\"layers\": 2", vision) + "}, \"text_cfg\": {" +
         join("\"layers\": 3", text) + "}}";
}

void expect_refused(const std::string& json, const std::string& part) {
  try {
    ArchConfig::parse(json, "x", "file.json");
    ADD_FAILURE() << "accepted: " << json;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.rfind("file.json: ", 0), 0u) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(ArchConfig, CompiledInEqualsTheConfigFilesAndTheirText) {
  const fs::path folder = fs::path(FSC_SOURCE_DIR) / "configs/models";
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) files += entry.path().extension() == ".json";
  EXPECT_EQ(files, detail::builtin_architectures().size());
  ASSERT_EQ(known_architectures().size(), 18u);
  for (const auto& arch : detail::builtin_architectures()) {
    const fs::path file = folder / (arch.name + ".json");
    const ArchConfig read = ArchConfig::load(file.string());
    EXPECT_TRUE(read == arch) << arch.name;
    EXPECT_EQ(read.name, arch.name);
    EXPECT_EQ(arch.to_json() + "\n", read_text(file)) << arch.name;
    EXPECT_TRUE(ArchConfig::load(arch.name) == arch) << arch.name;
  }
}

TEST(ArchConfig, ReadsAllFieldsAndWritesThemBack) {
  const ArchConfig arch = ArchConfig::parse(
      config(R"("image_size": 48, "patch_size": 16, "width": 96, "head_width": 32, "mlp_ratio": 2.5, "ls_init_value": 1e-4)",
             R"("context_length": 20, "vocab_size": 100, "width": 60, "heads": 5, "mlp_ratio": 3, "ls_init_value": 0.1)",
             R"("quick_gelu": true)"),
      "mine", "file.json");
  EXPECT_EQ(arch.name, "mine");
  EXPECT_EQ(arch.embed_dim, 32);
  EXPECT_TRUE(arch.quick_gelu);
  EXPECT_EQ(arch.vision, (VisionConfig{48, 16, 96, 2, 32, 2.5, 1e-4}));
  EXPECT_EQ(arch.vision.grid(), 3);
  EXPECT_EQ(arch.vision.heads(), 3);
  EXPECT_EQ(arch.text, (TextConfig{20, 100, 60, 5, 3, 3.0, 0.1}));
  EXPECT_TRUE(ArchConfig::parse(arch.to_json(), "again", "x") == arch);
}

TEST(ArchConfig, AbsentFieldsGetOpenClipsDefaults) {
  const ArchConfig arch = ArchConfig::parse(config(""), "x", "file.json");
  EXPECT_EQ(arch.vision, (VisionConfig{224, 16, 768, 2, 64, 4.0, std::nullopt}));
  EXPECT_EQ(arch.text, (TextConfig{77, 49408, 512, 8, 3, 4.0, std::nullopt}));
  EXPECT_FALSE(arch.quick_gelu);
}

TEST(ArchConfig, ReadsTheModelOfAnOpenClipConfigFile) {
  const ArchConfig arch =
      ArchConfig::parse("{\"model_cfg\": " + config("") + R"(, "preprocess_cfg": {"mean": [0, 0, 0]}})", "x", "file.json");
  EXPECT_EQ(arch.embed_dim, 32);
  expect_refused("{\"model_cfg\": " + config("\"layers\": \"x\"") + "}", "model_cfg.vision_cfg.layers");
}

TEST(ArchConfig, EqualityLeavesOutTheName) {
  ArchConfig a, b;
  a.name = "a";
  EXPECT_TRUE(a == b);
  b.text.layers = 1;
  EXPECT_FALSE(a == b);
}

TEST(ArchConfig, FieldsAtOpenClipsDefaultAreFine) {
  const ArchConfig arch = ArchConfig::parse(
      config(
          R"("patch_dropout": 0.0, "attentional_pool": false, "pool_type": "tok", "timm_model_name": null, "timm_pool": "avg",
              "act_kwargs": null,
              "block_type": "default", "output_tokens": true, "no_ln_pre": false, "ls_init_value": null)",
          R"("pool_type": "argmax", "embed_cls": false, "pad_id": 0, "hf_model_name": "", "proj_type": "linear",
              "block_type": null)",
          R"("custom_text": false, "init_logit_bias": null)"),
      "x", "file.json");
  EXPECT_TRUE(arch == ArchConfig::parse(config(""), "x", "file.json")) << arch.to_json();
}

TEST(ArchConfigBadInput, UnsupportedChoicesAreNamed) {
  expect_refused(config(R"("timm_model_name": "vit_so400m_patch14_siglip_384")"),
                 "vision_cfg.timm_model_name: is \"vit_so400m_patch14_siglip_384\", which this version");
  expect_refused(config(R"("timm_model_name": "vit_base_patch32_siglip_256")"), "(only vit_base_patch16_siglip_224, ");
  expect_refused(config("", R"("hf_model_name": "roberta-base")"), "text_cfg.hf_model_name");
  expect_refused(config("", R"("hf_tokenizer_name": "timm/ViT-B-16-SigLIP")"),
                 "text_cfg: pool_type \"last\", no_causal_mask and hf");
  expect_refused(config("", R"("tokenizer_mode": "clips")"), "text_cfg.tokenizer_mode");
  expect_refused(config(R"("patch_dropout": 0.5)"), "vision_cfg.patch_dropout");
  expect_refused(config(R"("attentional_pool": true)"), "vision_cfg.attentional_pool");
  expect_refused(config(R"("pool_type": "avg")"), "vision_cfg.pool_type");
  expect_refused(config(R"("norm_kwargs": {"eps": 1e-6})"), "vision_cfg.norm_kwargs");
  expect_refused(config(R"("act_kwargs": {"approximate": "tanh"})"), "vision_cfg.act_kwargs");
  expect_refused(config(R"("qk_norm": true)"), "vision_cfg.qk_norm");
  expect_refused(config("", R"("embed_cls": true)"), "text_cfg.embed_cls");
  expect_refused(config("", R"("pool_type": "eos")"), "text_cfg.pool_type: is \"eos\"");
  expect_refused(config("", R"("pool_type": "last")"), "text_cfg: pool_type \"last\", no_causal_mask");
  expect_refused(config("", R"("no_causal_mask": true)"), "text_cfg: pool_type \"last\", no_causal_mask");
  expect_refused(config("", R"("act_kwargs": {"approximate": "sigmoid"})"), "text_cfg.act_kwargs.approximate");
  expect_refused(config("", R"("norm_kwargs": {"elementwise_affine": false})"), "text_cfg.norm_kwargs.elementwise_affine");
  expect_refused(config("", R"("tokenizer_kwargs": {"clean": "canonicalize", "language": "de"})"),
                 "text_cfg.tokenizer_kwargs.language");
  expect_refused(config("", R"("act_kwargs": {"approximate": "tanh"})", R"("quick_gelu": true)"), "quick_gelu: contradicts");
  expect_refused(config("", "", R"("multimodal_cfg": {"width": 512})"), "multimodal_cfg");
}

/// A SigLIP config with `vision` instead of the tower's usual fields.
std::string siglip(const std::string& vision, int embed_dim = 768) {
  return R"({"embed_dim": )" + std::to_string(embed_dim) + R"(, "init_logit_bias": -10, "custom_text": true, "vision_cfg": {)" +
         vision +
         R"(}, "text_cfg": {"context_length": 64, "vocab_size": 32000, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
            "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 768, "heads": 12, "layers": 12, "no_causal_mask": true,
            "proj_bias": true, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}}})";
}
const std::string kTimm = R"("timm_model_name": "vit_base_patch16_siglip_256", "timm_pool": "map", "timm_proj": "none")";

TEST(ArchConfig, ReadsOpenClipsSiglip) {
  const ArchConfig arch =
      ArchConfig::parse(siglip("\"image_size\": 256, \"timm_model_pretrained\": false, " + kTimm), "x", "file.json");
  EXPECT_TRUE(arch == ArchConfig::load("ViT-B-16-SigLIP-256"));
  EXPECT_TRUE(arch.vision.siglip && arch.custom_text && arch.text.no_causal_mask && arch.text.proj_bias);
  EXPECT_EQ(arch.vision.grid(), 16);
  EXPECT_EQ(arch.text.pool_type, TextPool::kLast);
  EXPECT_EQ(arch.text.norm_eps, 1e-6);
  EXPECT_EQ(arch.init_logit_bias, -10);
  EXPECT_FALSE(arch == ArchConfig::load("ViT-B-16-SigLIP"));
  EXPECT_FALSE(arch == ArchConfig::load("ViT-B-16-SigLIP2-256"));
  ArchConfig elsewhere = arch;
  elsewhere.text.hf_tokenizer_name = "google/siglip-base-patch16-256";
  EXPECT_TRUE(arch == elsewhere);
}

TEST(ArchConfig, AForcedImageSizeIsWrittenWithTheTimmNameThatFits) {
  ArchConfig arch = ArchConfig::load("ViT-B-16-SigLIP");
  arch.vision.image_size = 384;
  EXPECT_NE(arch.to_json().find("vit_base_patch16_siglip_384"), std::string::npos);
  arch.vision.image_size = 320;  // timm has no name for it
  EXPECT_NE(arch.to_json().find("vit_base_patch16_siglip_224"), std::string::npos);
  EXPECT_TRUE(ArchConfig::parse(arch.to_json(), "x", "x") == arch);
}

TEST(ArchConfig, OwnSizesOfSiglipHaveANameThatTimmDoesNotKnow) {
  const ArchConfig tiny = ArchConfig::load(std::string(FSC_TEST_DATA) + "/models/tiny-siglip2.json");
  EXPECT_EQ(tiny.vision.width, 48);
  EXPECT_EQ(tiny.vision.heads(), 3);
  EXPECT_TRUE(tiny.text.gelu_tanh);
  EXPECT_NE(tiny.to_json().find(kTimmSiglip), std::string::npos);
  EXPECT_TRUE(ArchConfig::parse(tiny.to_json(), "x", "x") == tiny);
  ArchConfig tanh = tiny;
  tanh.vision.gelu_tanh = true;
  EXPECT_TRUE(ArchConfig::parse(tanh.to_json(), "x", "x") == tanh);
}

TEST(ArchConfigBadInput, SiglipsFieldsAreNamed) {
  expect_refused(siglip(R"("timm_model_name": "vit_base_patch16_siglip_224")"), "vision_cfg.timm_pool: has to be \"map\"");
  expect_refused(siglip(R"("timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "map")"),
                 "vision_cfg.timm_proj: has to be");
  expect_refused(siglip(R"("timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "avg", "timm_proj": "none")"),
                 "vision_cfg.timm_pool");
  expect_refused(siglip(kTimm + R"(, "layers": 24)"), "vision_cfg.timm_model_name: fixes width 768, 12 layers");
  expect_refused(siglip(kTimm + R"(, "ls_init_value": 0.1)"), "vision_cfg.timm_model_name: fixes");
  expect_refused(siglip(kTimm + R"(, "timm_drop_path": 0.1)"), "vision_cfg.timm_drop_path");
  expect_refused(siglip(kTimm, 512), "embed_dim: is 512, SigLIP's image tower gives its width, 768");
}

TEST(ArchConfigBadInput, FieldsAreNamed) {
  expect_refused("{", "not valid JSON, line 1");
  expect_refused("{\n\"embed_dim\": 1,\n}", "not valid JSON, line 3");
  expect_refused("[1]", "a JSON object is expected");
  expect_refused("{}", "embed_dim: is missing");
  expect_refused(R"({"embed_dim": 4})", "vision_cfg: is missing");
  expect_refused(R"({"embed_dim": 4, "vision_cfg": {}})", "text_cfg: is missing");
  expect_refused(R"({"embed_dim": 4, "vision_cfg": [], "text_cfg": {}})", "vision_cfg: a JSON object is expected");
  expect_refused(R"({"embed_dim": "512", "vision_cfg": {}, "text_cfg": {}})",
                 "embed_dim: is \"512\", a whole number from 1 to 65536");
  expect_refused(R"({"embed_dim": -1, "vision_cfg": {}, "text_cfg": {}})", "embed_dim: is -1");
  expect_refused(R"({"embed_dim": 18446744073709551615, "vision_cfg": {}, "text_cfg": {}})",
                 "embed_dim: is 18446744073709551615");
  expect_refused(config(R"("width": 768.5)"), "vision_cfg.width: is 768.5");
  expect_refused(R"({"embed_dim": 4, "vision_cfg": {"layers": [3, 4, 6, 3]}, "text_cfg": {}})",
                 "vision_cfg.layers: is [3,4,6,3]");
  expect_refused(config(R"("image_size": [224, 224])"), "vision_cfg.image_size: is [224,224]");
  expect_refused(config(R"("mlp_ratio": 0)"), "vision_cfg.mlp_ratio: is 0, a number above 0.0");
  expect_refused(config(R"("mlp_ratio": 0.0001)"), "vision_cfg.mlp_ratio: leaves no unit");
  expect_refused(config(R"("ls_init_value": "small")"), "vision_cfg.ls_init_value");
  expect_refused(config(R"("head_width": 100)"), "vision_cfg.width: is not a multiple of head_width");
  expect_refused(config(R"("patch_size": 225)"), "vision_cfg.patch_size: is larger than image_size");
  expect_refused(config("", R"("heads": 7)"), "text_cfg.width: is not a multiple of heads");
  expect_refused(config("", "", R"("quick_gelu": 1)"), "quick_gelu: is 1, true or false");
  expect_refused(config(R"("widht": 768)"),
                 "vision_cfg.widht: is not a field of open_clip's model configs that this version knows; did you mean width?");
}

TEST(ArchConfigBadInput, UnknownNamesAndPathsAreUsageErrors) {
  try {
    ArchConfig::load("ViT-B-23");
    ADD_FAILURE();
  } catch (const UsageError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("did you mean ViT-B-32?"), std::string::npos) << message;
    EXPECT_NE(message.find("ViT-H-14-quickgelu"), std::string::npos) << message;
  }
  EXPECT_THROW(ArchConfig::load(""), UsageError);
  EXPECT_THROW(ArchConfig::load("RN50"), UsageError);
  EXPECT_THROW(ArchConfig::load("/nowhere/model.json"), UsageError);
  const TempDir dir;
  EXPECT_THROW(ArchConfig::load(dir.path().string() + "/"), Error);
}

}  // namespace
}  // namespace fsc
