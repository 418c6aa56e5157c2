// scripts/setup on machines that lack something: what it says before anything is fetched. Its other faults:
// scripts/dev/setup_faults.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::shell;
using test::ShellEnded;
using test::TempDir;

/// The scripts in a folder whose name has a space and an umlaut.
class Setup : public ::testing::Test {
 protected:
  Setup() {
    fs::create_directory(dir_ / "ä b");
    for (const char* folder : {"scripts", "third_party"})
      fs::copy(fs::path(FSC_SOURCE_DIR) / folder, dir_ / ("ä b/" + std::string(folder)), fs::copy_options::recursive);
  }

  ShellEnded setup(const std::string& before, const std::string& arguments) const {
    return shell("unset CONDA_PREFIX CXX FSC_LIBTORCH_ROOT; " + before + " scripts/setup " + arguments, dir_ / "ä b");
  }
  void expect_refused(const std::string& before, const std::string& arguments, const std::vector<std::string>& words,
                      int code = 1) const {
    const auto ended = setup(before, arguments);
    EXPECT_EQ(ended.code, code) << ended.output;
    for (const auto& word : words) EXPECT_NE(ended.output.find(word), std::string::npos) << word << "\n" << ended.output;
  }
  /// A program in bin/.
  std::string program(const std::string& name, const std::string& body) const {
    const auto file = dir_.write("bin/" + name, "#!/bin/sh\n" + body + "\n");
    fs::permissions(file, fs::perms::owner_all);
    return "'" + file.string() + "'";
  }
  void torch(const std::string& version) const {
    std::string header;
    size_t begin = 0;
    for (const char* part : {"MAJOR", "MINOR", "PATCH"}) {
      const size_t end = version.find('.', begin);
      header += std::string("#define TORCH_VERSION_") + part + " " + version.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
    dir_.write("torch/lib/libtorch_cpu.so", "");
    dir_.write("torch/include/torch/headeronly/version.h", header);
  }

  TempDir dir_;
};

TEST_F(Setup, TellsAllThatIsMissingAtOnceByItsNames) {
  expect_refused(
      "CXX=/nowhere/g++", "--no-apt --without-text-model",
      {"a compiler with C++20, GCC 12 or later: /nowhere/g++ is not there", "build-essential", "libopencv-imgcodecs-dev",
       "opencv-devel", "libopencv", "nlohmann_json", "libsentencepiece-dev", "run scripts/setup again"});
  EXPECT_EQ(setup("CXX=/nowhere/g++", "--no-apt --without-text-model").output.find("wordnet"), std::string::npos);
  EXPECT_NE(setup("CXX=/nowhere/g++", "--no-apt").output.find("wordnet-base"), std::string::npos);
}

TEST_F(Setup, SaysWhatIsWrongWithACompiler) {
  expect_refused("CXX=" + program("no20", "exit 1"), "--no-apt", {"no20 knows no C++20", "CXX=COMPILER"});
  expect_refused("CXX=" + program("gcc9", "cat >/dev/null; echo fsc_gcc 9"), "--no-apt", {"gcc9 is GCC 9", "CXX=COMPILER"});
}

TEST_F(Setup, LooksAtALibTorchOfOnesOwn) {
  const std::string root = "FSC_LIBTORCH_ROOT='" + dir_.path().string() + "'";
  expect_refused(root, "--no-apt", {"1/3 packages: all there", "has neither torch/lib/libtorch_cpu.so nor lib/libtorch_cpu.so"});
  for (const char* version : {"2.10.1", "2.16.0", "3.11.0"}) {
    torch(version);
    expect_refused(root, "--no-apt", {"is torch " + std::string(version) + ", and fsc needs 2.11 to 2.15"});
  }
  torch("2.11.0");
  expect_refused(root, "--no-apt --cuda", {"has no lib/libtorch_cuda.so"});
  expect_refused(root, "--no-apt --torch 2.12.0", {"FSC_LIBTORCH_ROOT names a LibTorch of your own, and --torch wants another"});
}

TEST_F(Setup, RefusesWhatCannotWork) {
  expect_refused("", "--torch 2.10.0", {"2.11 to 2.15"}, 2);
  expect_refused("", "--torch 2.16.0", {"2.11 to 2.15"}, 2);
  expect_refused("", "--torch", {"--torch needs a version"}, 2);
  expect_refused("", "--cuda cu12", {"cu126"}, 2);
  expect_refused("", "--prefix /nowhere/at/all", {"--prefix needs a folder"}, 2);
  expect_refused("", "--prefxi /usr", {"unknown option --prefxi"}, 2);
}

TEST_F(Setup, RemembersPrefixes) {
  dir_.write("ä b/odd place/include/x.h", "");
  const auto remembered = [&] { return shell("cat .deps/prefixes", dir_ / "ä b").output; };
  const std::string odd = (dir_ / "ä b/odd place").string() + "\n";
  expect_refused("CXX=/nowhere/g++", "--no-apt --prefix 'odd place' --prefix /usr", {"install these"});
  EXPECT_EQ(remembered(), odd + "/usr\n");
  expect_refused("CXX=/nowhere/g++", "--no-apt", {"install these"});
  EXPECT_EQ(remembered(), odd + "/usr\n");
  expect_refused("CXX=/nowhere/g++", "--no-apt --prefix /usr", {"install these"});
  EXPECT_EQ(remembered(), "/usr\n");
}

TEST_F(Setup, WithoutNetworkItSaysWhatCouldNotBeFetched) {
  program("sleep", "exit 0");
  expect_refused("PATH='" + (dir_ / "bin").string() + "':$PATH PIP_NO_INDEX=1 PIP_FIND_LINKS=/nowhere", "--no-apt",
                 {"pip could not fetch torch==", "run scripts/setup again when that is solved: what has come is kept"});
}

}  // namespace
}  // namespace fsc
