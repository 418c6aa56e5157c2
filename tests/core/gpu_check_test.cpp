// scripts/gpu_check where there is no device, and its archive. What it does with one is seen where there is one.
#include <gtest/gtest.h>

#include <string>

#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
using test::shell;
using test::ShellEnded;
using test::TempDir;

/// A machine whose driver shows `card` (a line of nvidia-smi), or nothing.
ShellEnded gpu_check(const std::string& arguments, const std::string& card = "") {
  const TempDir programs;
  const auto smi = programs.write("nvidia-smi", card.empty() ? "#!/bin/sh\nexit 9\n" : "#!/bin/sh\necho '" + card + "'\n");
  std::filesystem::permissions(smi, std::filesystem::perms::owner_all);
  return shell("PATH='" + programs.path().string() + "':\"$PATH\" " FSC_SOURCE_DIR "/scripts/gpu_check " + arguments,
               programs.path());
}

TEST(GpuCheck, SaysThatThereIsNoDevice) {
  const ShellEnded refused = gpu_check(""), skipped = gpu_check("--allow-skip");
  EXPECT_EQ(refused.code, 3) << refused.output;
  EXPECT_EQ(refused.output.rfind("gpu_check: no CUDA device\n", 0), 0u) << refused.output;
  EXPECT_EQ(skipped.code, 0) << skipped.output;
  EXPECT_NE(skipped.output.find("gpu_check: skipped: nvidia-smi shows no CUDA device"), std::string::npos) << skipped.output;
}

TEST(GpuCheck, BeginsWithTheDeviceAndSaysWhatElseIsMissing) {
  const TempDir empty;
  const ShellEnded ended = gpu_check("--libtorch " + empty.path().string(), "Card of Tests, 9.0, 1.0, 1 MiB");
  EXPECT_EQ(ended.code, 3) << ended.output;
  EXPECT_EQ(ended.output.rfind("gpu_check: Card of Tests, 9.0, 1.0, 1 MiB\n", 0), 0u) << ended.output;
  EXPECT_NE(ended.output.find("there is no LibTorch in " + empty.path().string()), std::string::npos) << ended.output;
}

TEST(GpuCheck, ArchiveCarriesWhatItNeeds) {
  const TempDir dir;
  const ShellEnded made = gpu_check("--make-archive " + (dir / "a.tar.gz").string());
  ASSERT_EQ(made.code, 0) << made.output;
  const ShellEnded unpacked = shell("tar xf a.tar.gz && cd fsc-gpu-check && scripts/gpu_check --help", dir.path());
  EXPECT_EQ(unpacked.code, 0) << unpacked.output;
  for (const char* file :
       {"carried/googletest/src/gtest-all.cc", "carried/include/nlohmann/json.hpp", "carried/include/spdlog/spdlog.h",
        "carried/include/fmt/format.h", "src/kernels/kernels.cpp", "tests/kernels/device_test.cpp", "bench/measure.cpp"})
    EXPECT_TRUE(std::filesystem::exists(dir / "fsc-gpu-check" / file)) << file;
}

}  // namespace
}  // namespace fsc
