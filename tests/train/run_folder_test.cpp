// The run folder's lock on file systems that have none, and the checkpoint that a killed process had moved aside.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "fsc/core/atomic_file.h"
#include "support/expect_error.h"
#include "support/heard.h"
#include "support/temp_dir.h"
#include "train/detail_resume.h"

namespace {
std::vector<int> flock_errors;  // what the next calls fail with
}

/// The linker takes this one instead of libc's.
extern "C" int flock(int file, int operation) noexcept {
  if (flock_errors.empty()) return static_cast<int>(::syscall(SYS_flock, file, operation));
  errno = flock_errors.front();
  flock_errors.erase(flock_errors.begin());
  return -1;
}

namespace fsc {
namespace {
using namespace detail;
namespace fs = std::filesystem;
using test::TempDir;

size_t warnings_in(const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find("gives no locks"); at != std::string::npos; at = text.find("gives no locks", at + 1)) ++count;
  return count;
}

TEST(RunFolderLock, WithoutLocksItWarnsOnceAndGoesOn) {
  const TempDir dir;
  for (const int error : {ENOSYS, EOPNOTSUPP, ENOLCK, EINVAL, EIO}) {
    const test::Heard heard;
    flock_errors = {error};
    const RunFolder folder(dir / "run", true);
    EXPECT_EQ(warnings_in(heard.text()), 1u) << heard.text();
    EXPECT_NE(heard.text().find(dir / "run"), std::string::npos) << heard.text();
    EXPECT_NE(heard.text().find(std::strerror(error)), std::string::npos) << heard.text();
    EXPECT_TRUE(flock_errors.empty()) << "the lock was not tried";
  }
}

TEST(RunFolderLock, ASignalIsNoOtherProcess) {
  const TempDir dir;
  const test::Heard heard;
  flock_errors = {EINTR, EINTR};
  const RunFolder folder(dir / "run", true);
  EXPECT_TRUE(flock_errors.empty());
  EXPECT_EQ(heard.text(), "");
  test::expect_error([&] { RunFolder(dir / "run", true); }, ExitCode::kFailed,
                     {"another process is training in " + (dir / "run").string()});
}

TEST(RunFolderLock, ARefusedFolderIsLeftAsItIs) {
  const TempDir dir;
  dir.write("run/checkpoints/.step_4.tmp12/model.safetensors", "being written");
  flock_errors = {EWOULDBLOCK};
  test::expect_error([&] { RunFolder(dir / "run", true); }, ExitCode::kFailed, {"another process"});
  EXPECT_TRUE(fs::exists(dir / "run/checkpoints/.step_4.tmp12/model.safetensors"));
}

TEST(RunFolderLock, TheOnlyCopyOfACheckpointComesBack) {
  const TempDir dir;
  const test::Heard heard;
  dir.write("run/checkpoints/.step_4.old12/model.safetensors", "the only copy");
  dir.write("run/checkpoints/.step_4.tmp12/model.safetensors", "half");
  dir.write("run/checkpoints/.step_2.old12/model.safetensors", "replaced");
  dir.write("run/checkpoints/step_2/model.safetensors", "newer");
  const RunFolder folder(dir / "run", false);
  EXPECT_EQ(read_file(dir / "run/checkpoints/step_4/model.safetensors"), "the only copy");
  EXPECT_EQ(read_file(dir / "run/checkpoints/step_2/model.safetensors"), "newer");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir / "run/checkpoints"), fs::directory_iterator()), 2);
  EXPECT_NE(heard.text().find("step_4 was put back"), std::string::npos) << heard.text();
}

}  // namespace
}  // namespace fsc
