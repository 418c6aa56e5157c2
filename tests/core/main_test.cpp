// What main() makes of each kind of exception.
#include "fsc/core/main.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>

#include "fsc/core/error.h"
#include "fsc/core/out_of_memory.h"
#include "fsc/core/stop.h"

namespace fsc {
namespace {

struct Told {
  int code;
  std::string text;
};

Told told(int (*body)(int, char**), const MemoryHelp& help = {"lower batch_size"}) {
  testing::internal::CaptureStderr();
  char name[] = "program";
  char* argv[] = {name, nullptr};
  const int code = run_main("fsc-test", body, 1, argv, help);
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(RunMain, PassesTheBodysCodeThrough) {
  EXPECT_EQ(told([](int, char**) { return 0; }).code, 0);
  EXPECT_EQ(told([](int, char**) { return static_cast<int>(ExitCode::kInterrupted); }).code, 75);
  EXPECT_EQ(told([](int argc, char** argv) { return argc == 1 && std::string(argv[0]) == "program" ? 0 : 9; }).code, 0);
  EXPECT_EQ(told([](int, char**) { return 0; }).text, "");
}

TEST(RunMain, UsersMistakes) {
  const Told failed = told([](int, char**) -> int { throw Error("the disk is full"); });
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.text, "fsc-test: the disk is full\n");
  const Told usage = told([](int, char**) -> int { throw UsageError("no such key"); });
  EXPECT_EQ(usage.code, 2);
  EXPECT_EQ(usage.text, "fsc-test: no such key\n");
}

TEST(RunMain, NothingEndsInARawException) {
  const Told file = told([](int, char**) -> int { return static_cast<int>(std::filesystem::file_size("/no/such/file")); });
  EXPECT_EQ(file.code, 1);
  EXPECT_EQ(file.text, "fsc-test: cannot use /no/such/file: No such file or directory\n");
  const Told bug = told([](int, char**) -> int { throw std::logic_error("cause"); });
  EXPECT_EQ(bug.code, 1);
  EXPECT_NE(bug.text.find("please report it"), std::string::npos) << bug.text;
  EXPECT_NE(bug.text.find("cause"), std::string::npos) << bug.text;
  const Told odd = told([](int, char**) -> int { throw 3; });
  EXPECT_EQ(odd.code, 1);
  EXPECT_NE(odd.text.find("please report it"), std::string::npos) << odd.text;
}

TEST(RunMain, AStopBeforeThereIsAnythingToSave) {
  const Told stopped = told([](int, char**) -> int { throw Stopped(); });
  EXPECT_EQ(stopped.code, 75);
  EXPECT_NE(stopped.text.find("start it again with the same command"), std::string::npos) << stopped.text;
}

TEST(RunMain, MemoryThatRanOutIsItsOwnMessage) {
  const Told program = told([](int, char**) -> int { throw std::bad_alloc(); });
  EXPECT_EQ(program.code, 1);
  EXPECT_EQ(program.text, "fsc-test: out of memory: an allocation of the program failed; lower batch_size\n");
  const Told ours = told([](int, char**) -> int { throw OutOfMemory("3.0 GB more were needed"); });
  EXPECT_EQ(ours.code, 1);
  EXPECT_EQ(ours.text, "fsc-test: out of memory: 3.0 GB more were needed; lower batch_size\n");
  const auto library = [](const std::exception& error) -> std::string {
    return std::string(error.what()) == "full" ? "a library's" : "";
  };
  const Told theirs =
      told([](int, char**) -> int { throw std::runtime_error("full"); }, MemoryHelp{"lower batch_size", +library});
  EXPECT_EQ(theirs.text, "fsc-test: out of memory: a library's; lower batch_size\n");
}

}  // namespace
}  // namespace fsc
