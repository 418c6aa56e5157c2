// README.md's commands run, in its order, on a made-up world that stands where the README has COCO and OpenAI's weights.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "examples/readme.h"
#include "support/golden.h"
#include "support/scoped.h"
#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::readme_commands;
using test::shell;
using test::TempDir;

/// The same on few samples, and where a folder of the README's that was written before may be written again.
std::string made_small(std::string command) {
  const auto has = [&](const char* text) { return command.find(text) != std::string::npos; };
  if (has("scripts/quickstart")) command += " --rehearse build/release/bin";
  if (has("fsc-train") || has("fsc-data bench"))
    command += " --set train.batch_size=8 --set train.max_steps=3 --set data.workers=1";
  if (has("fsc-data bench")) command += " --batches 2";
  if (has("--output out")) command = "rm -rf out && " + command;
  return command;
}

class Readme : public ::testing::Test {
 protected:
  Readme() {
    fs::create_directory_symlink(FSC_SOURCE_DIR "/scripts", dir_ / "scripts");
    fs::copy(FSC_SOURCE_DIR "/configs", dir_ / "configs", fs::copy_options::recursive);
    fs::create_directories(dir_ / "build/release");
    fs::create_directory_symlink(FSC_BIN_DIR, dir_ / "build/release/bin");
  }

  /// What the commands after scripts/quickstart read, made of its world and its models.
  void stand_in_for_coco() {
    const fs::path world = dir_ / "quickstart/world";
    for (const char* folder : {"data/coco", "data/weights", "data/sugar-crepe", "runs", "few/sugarcrepe"})
      fs::create_directories(dir_ / folder);
    fs::create_directory_symlink(world / "images", dir_ / "images");
    fs::create_directory_symlink(world / "images", dir_ / "data/images");
    fs::create_directory_symlink(world / "images/test", dir_ / "data/coco/val2017");
    for (const char* table : {"data/coco/train_neg_clip.tsv", "captions.tsv"}) fs::copy_file(world / "train.tsv", dir_ / table);
    dir_.write("captions.txt", "A brown dog sleeps on a green sofa near the window.\nTwo men ride their red bikes.\n");
    // The small model takes the place of the architectures that the README and the configs name.
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
      auto items = nlohmann::json::parse(test::read_all(file.path().string())), few = nlohmann::json::object();
      for (const auto& [key, item] : items.items())
        if (few.size() < 5) few[key] = item;
      dir_.write("few/sugarcrepe/" + file.path().filename().string(), few.dump());
    }
    fs::create_directory_symlink(dir_ / "few/sugarcrepe", dir_ / "data/sugar-crepe/data");
    std::istringstream table(test::read_all((world / "retrieval.tsv").string()));
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

TEST_F(Readme, CommandsRun) {
  const auto commands = readme_commands({"scripts/", "build/release/bin/"});
  ASSERT_GT(commands.size(), 15U);
  ASSERT_TRUE(commands[0].starts_with("scripts/quickstart")) << commands[0];
  for (const auto& command : commands) {
    const auto start = std::chrono::steady_clock::now();
    const auto ended = shell(made_small(command), dir_.path());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::cout << took.count() << " s  " << command << std::endl;
    ASSERT_EQ(ended.code, 0) << command << "\n" << ended.output;
    if (command == commands[0]) stand_in_for_coco();
  }
}

}  // namespace
}  // namespace fsc
