// The commands of README.md and docs/ run, page by page, on a made-up world that stands where a reader has COCO and OpenAI's
// weights.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "examples/documents.h"
#include "fsc/core/atomic_file.h"
#include "support/scoped.h"
#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::commands_of;
using test::shell;
using test::TempDir;

/// The same on few samples, and where a folder that was written before may be written again.
std::string made_small(std::string command) {
  const auto has = [&](const char* text) { return command.find(text) != std::string::npos; };
  if (has("scripts/quickstart")) command += " --rehearse build/release/bin";
  if ((has("fsc-train") && !has("--help")) || has("fsc-data bench"))
    command += " --set train.batch_size=8 --set train.max_steps=3 --set data.workers=1";
  if (has("guard.every_steps")) command += " --set guard.items=20 --set guard.alphas=2";
  if (has("--output out")) command = "rm -rf out && " + command;
  if (has("--out shards")) command = "rm -rf shards && " + command;
  return command;
}

class Documents : public ::testing::Test {
 protected:
  Documents() {
    fs::create_directory_symlink(FSC_SOURCE_DIR "/scripts", dir_ / "scripts");
    fs::copy(FSC_SOURCE_DIR "/configs", dir_ / "configs", fs::copy_options::recursive);
    fs::create_directories(dir_ / "build/release");
    fs::create_directory_symlink(FSC_BIN_DIR, dir_ / "build/release/bin");
  }

  /// Runs the lines one after another in one shell, and fails for each whose exit code is not 0.
  void run(const std::vector<std::string>& commands) {
    std::string lines;
    for (const auto& command : commands) {
      std::string name = command;
      for (size_t at = 0; (at = name.find('\'', at)) != std::string::npos; at += 4) name.replace(at, 1, "'\\''");
      lines += "echo '== '\"${SECONDS} s\"'  " + name + "'\n" + made_small(command) + " || echo '== failed: '$?\n";
    }
    const auto ended = shell("bash " + dir_.write("commands.sh", lines).string(), dir_.path());
    std::cout << ended.output << std::endl;
    EXPECT_EQ(ended.output.find("== failed: "), std::string::npos) << "look for \"== failed:\" above";
  }

  /// What the pages have of the reader's, made of the quickstart's world and its models.
  void stand_in_for_coco() {
    const fs::path world = dir_ / "quickstart/world";
    for (const char* folder : {"data/coco", "data/weights", "data/sugar-crepe", "runs", "few/sugarcrepe"})
      fs::create_directories(dir_ / folder);
    fs::create_directory_symlink(world / "images", dir_ / "images");
    fs::create_directory_symlink(world / "images", dir_ / "data/images");
    fs::create_directory_symlink(world / "images/test", dir_ / "data/coco/val2017");
    for (const char* table : {"data/coco/train_neg_clip.tsv", "captions.tsv"}) fs::copy_file(world / "train.tsv", dir_ / table);
    dir_.write("captions.txt", "A brown dog sleeps on a green sofa near the window.\nTwo men ride their red bikes.\n");
    // The small model takes the place of the architectures that the pages and the configs name.
    for (const char* name : {"ViT-B-32-quickgelu", "ViT-B-16"})
      fs::copy_file(dir_ / "configs/quickstart_model.json", dir_ / ("configs/models/" + std::string(name) + ".json"),
                    fs::copy_options::overwrite_existing);
    for (const char* weights : {"data/weights/ViT-B-32.pt", "epoch_5.pt"})
      fs::copy_file(dir_ / "quickstart/clip/model.safetensors", dir_ / weights);
    for (const char* run : {"a", "b", "c"})
      fs::create_directory_symlink(dir_ / (*run == 'a' ? "quickstart/clip" : "quickstart/fsc"), dir_ / "runs" / run);
    make_small_suite(world);
  }

  /// data/sugar-crepe/data and suite.yaml: a few items of each of the world's tests.
  void make_small_suite(const fs::path& world) {
    for (const auto& file : fs::directory_iterator(world / "sugarcrepe")) {
      auto items = nlohmann::json::parse(read_file(file.path())), few = nlohmann::json::object();
      for (const auto& [key, item] : items.items())
        if (few.size() < 5) few[key] = item;
      dir_.write("few/sugarcrepe/" + file.path().filename().string(), few.dump());
    }
    fs::create_directory_symlink(dir_ / "few/sugarcrepe", dir_ / "data/sugar-crepe/data");
    std::istringstream table(read_file(world / "retrieval.tsv"));
    std::string rows, row;
    for (int i = 0; i < 21 && std::getline(table, row); ++i) rows += row + "\n";
    dir_.write("few/retrieval.tsv", rows);
    fs::create_directory_symlink(world / "images", dir_ / "few/images");
    dir_.write("suite.yaml",
               "tasks:\n  - {name: sugarcrepe, root: few/sugarcrepe, images: images/test}\n  - {name: retrieval, path: "
               "few/retrieval.tsv}\n");
  }

  TempDir dir_;
  const test::ScopedEnv configs_ = {"FSC_CONFIG_DIR", (dir_ / "configs").string()};
};

TEST_F(Documents, ReadmesCommandsRun) {
  auto commands = commands_of("README.md");
  ASSERT_GT(commands.size(), 4U);
  ASSERT_TRUE(commands[0].starts_with("scripts/quickstart")) << commands[0];
  run({commands[0]});
  stand_in_for_coco();
  commands.erase(commands.begin());
  run(commands);
}

class Page : public Documents, public ::testing::WithParamInterface<std::string> {};

TEST_P(Page, CommandsRun) {
  const auto commands = commands_of("docs/" + GetParam() + ".md");
  ASSERT_FALSE(commands.empty());
  const std::string train = "build/release/bin/fsc-train --config configs/";
  run({"build/release/bin/fsc-data synth --out quickstart/world --train 96", train + "quickstart_clip.yaml",
       train + "quickstart.yaml"});
  stand_in_for_coco();
  run({train + "coco_hn.yaml"});
  run(commands);
}

INSTANTIATE_TEST_SUITE_P(Docs, Page,
                         ::testing::Values("checkpoints", "data", "debugging", "evaluation", "faq", "forgetting", "training"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace fsc
