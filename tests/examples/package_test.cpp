// The commands of docs/library.md: install the library, build examples/ against it; the program scores an image.
#include <gtest/gtest.h>

#include <filesystem>

#include "examples/documents.h"
#include "support/shell.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::shell;

TEST(Package, CommandsInstallItAndBuildAndRunTheExample) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "libraries with sanitizers are for no other program";
#endif
  const test::SmallRun run;
  const auto expect_done = [&](const std::string& command) {
    const auto ended = shell(command, run.path());
    EXPECT_EQ(ended.code, 0) << command << "\n" << ended.output;
    return ended.output;
  };
  fs::create_directories(run / "build");
  fs::create_directory_symlink(FSC_BIN_DIR "/..", run / "build/release");
  fs::create_directory_symlink(FSC_SOURCE_DIR "/examples", run / "examples");
  fs::create_directory_symlink(FSC_SOURCE_DIR "/assets", run / "assets");
  fs::copy_file(test::SmallRun::image(0), run / "photo.jpg");
  expect_done("build/release/bin/fsc-train --config config.yaml --set train.max_steps=1 --set output.dir=runs/coco_hn");

  const auto commands = test::commands_of("docs/library.md");
  ASSERT_EQ(commands.size(), 4U);
  std::string output;
  // The rest of an installation is copies of programs, assets and LibTorch.
  for (const auto& command : commands)
    output = expect_done(command + (command.find("--install") != std::string::npos ? " --component sdk" : ""));
  for (const char* text : {"%  a horse riding a man\n", "%  a man riding a horse\n"})
    EXPECT_NE(output.find(text), std::string::npos) << output;

  const auto refused = shell("build/examples/score nowhere photo.jpg 'a red cube'", run.path());
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.output.find("nowhere"), std::string::npos) << refused.output;
}

}  // namespace
}  // namespace fsc
