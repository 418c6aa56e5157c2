// fsc-model's command line, on files of other programs and on a run of fsc-train.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::expect_ended;
using test::run_program;

const std::string kFormats = FSC_TEST_DATA "/formats/";

nlohmann::json info_of(const fs::path& path) {
  const test::Ended ended = run_program("fsc-model", {"info", path.string(), "--json"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  return nlohmann::json::parse(ended.output, nullptr, false);
}

TEST(FscModel, InfoOfOtherProgramsFiles) {
  expect_ended(run_program("fsc-model", {"info", kFormats + "hf-clip"}), 0,
               {"Hugging Face folder (safetensors)", "activation      gelu", "text_projection.weight", "norm "});
  expect_ended(run_program("fsc-model", {"info", kFormats + "open_clip.pt"}), 0,
               {"bare file (PyTorch zip file)", "not known", "--arch"});
  expect_ended(run_program("fsc-model", {"info", kFormats + "openai.pt"}), 0, {"TorchScript archive", "F16"});
}

TEST(FscModel, MistakesEndWithTwoAndFailuresWithOne) {
  test::TempDir dir;
  const std::string out = (dir / "out").string();
  expect_ended(run_program("fsc-model", {}), 2, {"subcommand"});
  expect_ended(run_program("fsc-model", {"info"}), 2, {"path"});
  expect_ended(run_program("fsc-model", {"info", "no/such/model"}), 1, {"no/such/model"});
  expect_ended(run_program("fsc-model", {"convert", kFormats + "hf-clip", "--output", out}), 2, {"--to"});
  expect_ended(run_program("fsc-model", {"convert", kFormats + "hf-clip", "--to", "onnx", "--output", out}), 2,
               {"onnx", "open_clip"});
  expect_ended(run_program("fsc-model", {"convert", kFormats + "open_clip.pt", "--to", "hf", "--output", out}), 2,
               {"open_clip.pt", "--arch"});
  expect_ended(run_program("fsc-model", {"convert", kFormats + "hf-clip", "--to", "hf", "--output", FSC_TEST_DATA}), 2,
               {"holds files already"});
  EXPECT_FALSE(fs::exists(out));
}

TEST(FscModel, FullDiskLeavesNothing) {
  test::TempDir dir;
  const std::string out = (dir / "out").string();
  test::Process process("fsc-model", {"convert", kFormats + "hf-clip", "--to", "open_clip", "--output", out},
                        {.file_size = 4096});
  expect_ended(process.wait(), 1, {"model.safetensors", "free space"});
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(FscModel, ARunDescribesItselfAndTravels) {
  const test::SmallRun run;
  const std::string config = run / "config.yaml";
  expect_ended(run_program("fsc-train", {"--config", config}), 0, {});
  const auto json = info_of(run.run()), earlier = info_of(run.run() / "checkpoints/step_10");
  EXPECT_EQ(json["activation"], "quick_gelu");
  EXPECT_EQ(json["arch"], "model");
  EXPECT_EQ(json["step"], 12);
  EXPECT_EQ(earlier["step"], 10);
  EXPECT_EQ(json["config_sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(earlier["config_sha256"], json["config_sha256"]);
  EXPECT_EQ(json["tokenizer"], "clip-bpe");
  EXPECT_EQ(json["context_length"], 24);
  EXPECT_EQ(json["not_finite"], 0);
  EXPECT_TRUE(json["preprocess_recorded"].get<bool>());

  const std::string hf = (run / "hf").string();
  expect_ended(run_program("fsc-model", {"convert", run.run().string(), "--to", "hf", "--output", hf}), 0,
               {"largest difference"});
  EXPECT_EQ(info_of(hf)["step"], 12);
  const std::vector<std::string> again = {"--config", config,
                                          "--set",    "model.pretrained=" + hf,
                                          "--set",    "model.arch=",
                                          "--set",    "output.dir=" + (run / "again").string(),
                                          "--set",    "train.max_steps=1"};
  expect_ended(run_program("fsc-train", again), 0, {"weights from " + hf});
  EXPECT_NE(info_of(run / "again")["config_sha256"], json["config_sha256"]);
}

}  // namespace
}  // namespace fsc
