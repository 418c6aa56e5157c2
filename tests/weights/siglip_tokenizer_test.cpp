// SigLIP's tokenizer: which file a model takes, where it comes from, and that it travels with the model.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/weights/model_folder.h"
#include "support/expect_error.h"
#include "support/fill.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

const std::string kGolden = FSC_TEST_DATA "/golden/";

ArchConfig siglip_arch(int64_t vocabulary = 512) {
  ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json");
  arch.text.vocab_size = vocabulary;
  return arch;
}

/// A model in `folder` with the tokenizer `file`.
void write_siglip(const fs::path& folder, const std::string& file, int64_t vocabulary) {
  ClipModel model(siglip_arch(vocabulary));
  test::fill_model(*model);
  fs::create_directories(folder);
  write_model_files(folder, {model->arch(), default_preprocess(model->arch()), kGolden + file}, *model);
}

TEST(SiglipTokenizer, TravelsWithTheModel) {
  const TempDir dir;
  write_siglip(dir / "one", "spiece.model", 512);
  write_siglip(dir / "two", "gemma.model", 640);
  EXPECT_TRUE(read_file(dir / "one/spiece.model") == read_file(kGolden + "spiece.model"));
  EXPECT_TRUE(read_file(dir / "two/tokenizer.model") == read_file(kGolden + "gemma.model"));
  const auto settings = [&](const char* folder) {
    return nlohmann::json::parse(read_file(dir / folder / "tokenizer_config.json"));
  };
  EXPECT_EQ(settings("one")["tokenizer_class"], "SiglipTokenizer");
  EXPECT_EQ(settings("one")["pad_token"], "</s>");
  EXPECT_EQ(settings("two")["tokenizer_class"], "GemmaTokenizer");
  EXPECT_EQ(settings("two")["pad_token"], "<pad>");
  EXPECT_EQ(settings("two")["add_bos_token"], false);

  for (const char* folder : {"one", "two"}) {
    const LoadedModel loaded = load_model(dir / folder);
    ASSERT_EQ(loaded.tokenizer.parent_path(), dir / folder);
    EXPECT_EQ(load_tokenizer(loaded.model->arch(), loaded.tokenizer)->vocab_size(), loaded.model->arch().text.vocab_size);
    EXPECT_EQ(loaded.preprocess.resize_mode, ResizeMode::kSquash);
    EXPECT_EQ(loaded.preprocess.mean[0], 0.5);
  }
}

TEST(SiglipTokenizer, CleanUpIsTheArchitectures) {
  ArchConfig arch = siglip_arch();
  const auto ids = [&](const std::string& text) { return load_tokenizer(arch, kGolden + "spiece.model")->encode(text, 16); };
  const auto canonical = ids("A red_dog.");
  EXPECT_EQ(canonical, ids("a red dog"));
  arch.text.tokenizer_clean = "lower";
  EXPECT_NE(ids("A red_dog."), canonical);
  const auto lower = ids("A red dog");
  EXPECT_EQ(lower, canonical);
  arch.text.tokenizer_clean = "";  // open_clip's default: white space only
  EXPECT_NE(ids("A red dog"), lower);
}

TEST(SiglipTokenizerBadInput, MissingAndWrongFilesAreNamed) {
  const auto load = [](const ArchConfig& arch, const fs::path& file) { return [=] { load_tokenizer(arch, file); }; };
  expect_error(load(siglip_arch(), ""), ExitCode::kUsage,
               {"needs a sentencepiece model", "--tokenizer (fsc-eval)", "model.tokenizer"});
  expect_error(load(siglip_arch(), kGolden + "gemma.model"), ExitCode::kUsage,
               {"512 token embeddings", "gemma.model 640 tokens"});
  expect_error(load(ArchConfig::load("ViT-B-32"), kGolden + "spiece.model"), ExitCode::kUsage, {"CLIP's own tokenizer"});
  expect_error(load(siglip_arch(), kGolden + "absent.model"), ExitCode::kFailed, {"absent.model"});
  expect_error(load(siglip_arch(), kGolden + "tokens.json"), ExitCode::kFailed, {"tokens.json", "not a sentencepiece model"});
}

}  // namespace
}  // namespace fsc
