// Every system call by which a file or a folder is replaced fails in turn, and the process dies at each: one copy is always
// whole.
//
// The calls are defined here, so the linker takes these instead of libc's for the whole test program. They are counted while
// armed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <set>

#include "fsc/core/atomic_file.h"
#include "support/expect_error.h"
#include "support/heard.h"
#include "support/temp_dir.h"

namespace {

struct Faults {
  bool armed = false, can_exchange = true;
  int calls = 0;                             ///< since it was armed
  int first = INT_MAX, second = INT_MAX;     ///< these calls fail with EIO
  int all_from = INT_MAX, die_at = INT_MAX;  ///< from here on all fail; here the process ends
  std::vector<std::string> seen = {};        ///< "call path"
} faults;

bool fails(const char* call, const std::string& path) {
  if (!faults.armed) return false;
  const int here = faults.calls++;
  faults.seen.push_back(call + (" " + path));
  if (here == faults.die_at) ::_exit(99);
  if (here != faults.first && here != faults.second && here < faults.all_from) return false;
  errno = EIO;
  return true;
}

std::string path_of(int file) {
  char path[4096];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  return {path, static_cast<size_t>(std::max<ssize_t>(length, 0))};
}

/// What unlinkat() wants to be told of a folder.
int removal_flag(const char* path) {
  struct stat status {};
  return ::lstat(path, &status) == 0 && S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0;
}

}  // namespace

extern "C" {
int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);  // read by the kernel only where there is one
  va_end(arguments);
  return fails("open", path) ? -1 : static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
ssize_t write(int file, const void* bytes, size_t size) {
  return fails("write", path_of(file)) ? -1 : ::syscall(SYS_write, file, bytes, size);
}
int fsync(int file) { return fails("fsync", path_of(file)) ? -1 : 0; }
int mkdir(const char* path, mode_t mode) noexcept {
  return fails("mkdir", path) ? -1 : static_cast<int>(::syscall(SYS_mkdir, path, mode));
}
int unlink(const char* path) noexcept { return fails("unlink", path) ? -1 : static_cast<int>(::syscall(SYS_unlink, path)); }
int remove(const char* path) noexcept {
  return fails("remove", path) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, removal_flag(path)));
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return fails("unlinkat", path) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}
int rename(const char* from, const char* to) noexcept {
  return fails("rename", to) ? -1 : static_cast<int>(::syscall(SYS_rename, from, to));
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails("exchange", to)) return -1;
  if (faults.can_exchange) return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
  errno = EINVAL;
  return -1;
}
}

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::TempDir;

/// A place for a file or a folder, and how it is replaced. What is there is "old", "new", "" for nothing, or what is wrong.
struct Kind {
  bool is_folder, can_exchange;
  std::string name() const { return std::string(is_folder ? "folder" : "file") + (can_exchange ? "" : " without exchange"); }

  void make_old(const TempDir& dir) const {
    if (is_folder)
      dir.write("x/only_old", "o"), dir.write("x/a", "old a"), dir.write("x/deep/b", "old b");
    else
      dir.write("x", "old");
  }
  void replace(const TempDir& dir) const {
    if (!is_folder) return write_file_atomic(dir / "x", "new");
    write_directory_atomic(dir / "x", [](const fs::path& temporary) {
      write_file_atomic(temporary / "a", "new a");
      make_directories(temporary / "deep");
      write_file_atomic(temporary / "deep" / "b", "new b");
    });
  }
  std::string content(const fs::path& path) const {
    if (!fs::exists(path)) return "";
    if (!is_folder) return read_file(path);
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) files[entry.path().lexically_relative(path).string()] = read_file(entry.path());
    if (files == std::map<std::string, std::string>{{"only_old", "o"}, {"a", "old a"}, {"deep/b", "old b"}}) return "old";
    if (files == std::map<std::string, std::string>{{"a", "new a"}, {"deep/b", "new b"}}) return "new";
    return "neither the old nor the new";
  }
};

class Replace : public testing::TestWithParam<Kind> {
 protected:
  ~Replace() override { faults = {}; }

  static void arm(Faults plan) {
    plan.armed = true, plan.can_exchange = GetParam().can_exchange;
    faults = plan;
  }

  /// Replaces under `plan`; the Error's text, empty if there was none.
  static std::string run(const TempDir& dir, const Faults& plan) {
    const test::Heard warnings;  // of what could not be removed
    std::string problem;
    arm(plan);
    try {
      GetParam().replace(dir);
    } catch (const Error& error) {
      problem = error.what();
    }
    faults.armed = false;
    return problem;
  }

  /// One whole copy is left: in its place, or where the Error says.
  static void expect_whole(const TempDir& dir, bool was_there, const std::string& problem) {
    const Kind& kind = GetParam();
    const std::string now = kind.content(dir / "x");
    if (problem.empty()) {
      EXPECT_EQ(now, "new");
      return;
    }
    EXPECT_NE(problem.find("Input/output error"), std::string::npos) << problem;
    EXPECT_NE(problem.find(dir / "x"), std::string::npos) << problem;
    if (now == "new") {
      EXPECT_NE(problem.find("is in place and whole"), std::string::npos) << problem;
    } else if (now == "" && was_there) {
      const fs::path aside = dir / (".x.old" + std::to_string(::getpid()));
      EXPECT_EQ(kind.content(aside), "old");
      EXPECT_NE(problem.find(aside.string()), std::string::npos) << problem;
    } else {
      EXPECT_EQ(now, was_there ? "old" : "");
      EXPECT_EQ(problem.find("is in place"), std::string::npos) << problem;
      EXPECT_EQ(problem.find(".tmp"), std::string::npos) << problem;
    }
  }

  /// Runs `body` in a child that ends where `plan` says; false: it came to its end before.
  template <class F>
  static bool dies(Faults plan, const F& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      arm(plan);
      body();
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    EXPECT_TRUE(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    return WEXITSTATUS(status) == 99;
  }

  static std::set<std::string> names_in(const TempDir& dir) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir.path())) names.insert(entry.path().filename().string());
    return names;
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, Replace, testing::Values(Kind{true, true}, Kind{true, false}, Kind{false, true}),
                         [](const auto& info) {
                           return std::string(info.param.is_folder ? "Folder" : "File") +
                                  (info.param.can_exchange ? "" : "ByTwoRenames");
                         });

TEST_P(Replace, EachCallFails) {
  for (const bool was_there : {true, false}) {
    for (int call = 0;; ++call) {
      const TempDir dir;
      if (was_there) GetParam().make_old(dir);
      const std::string problem = run(dir, {.first = call});
      if (faults.calls <= call) {
        EXPECT_GE(call, GetParam().is_folder ? 15 : 5);
        EXPECT_EQ(problem, "");
        break;
      }
      SCOPED_TRACE(faults.seen[static_cast<size_t>(call)]);
      expect_whole(dir, was_there, problem);
      EXPECT_NE(GetParam().content(dir / "x"), was_there ? "" : "old") << "one failure never takes the name away";
      EXPECT_EQ(run(dir, {}), "") << "the next one succeeds";
      EXPECT_EQ(GetParam().content(dir / "x"), "new");
    }
  }
}

TEST_P(Replace, TwoCallsFail) {
  int pairs = 0;
  for (int first = 0, reached = 0; first <= reached; ++first) {
    for (int second = first + 1;; ++second) {
      const TempDir dir;
      GetParam().make_old(dir);
      const std::string problem = run(dir, {.first = first, .second = second});
      if (faults.calls > first) reached = first + 1;
      if (faults.calls <= second) break;
      SCOPED_TRACE(faults.seen[static_cast<size_t>(first)] + ", " + faults.seen[static_cast<size_t>(second)]);
      expect_whole(dir, true, problem);
      const test::Heard warnings;
      recover_replacements(dir.path());
      const std::string now = GetParam().content(dir / "x");
      EXPECT_TRUE(now == "old" || now == "new") << now;
      EXPECT_EQ(names_in(dir), std::set<std::string>{"x"});
      ++pairs;
    }
  }
  EXPECT_GE(pairs, GetParam().is_folder ? 40 : 4);
}

TEST_P(Replace, EveryCallFailsFromOneOn) {
  for (int call = 0;; ++call) {
    const TempDir dir;
    GetParam().make_old(dir);
    const std::string problem = run(dir, {.all_from = call});
    if (faults.calls <= call) break;
    SCOPED_TRACE(faults.seen[static_cast<size_t>(call)]);
    expect_whole(dir, true, problem);
  }
}

TEST_P(Replace, TheProcessDiesAtEachCall) {
  const auto replace_in = [](const TempDir& dir) { return [&dir] { GetParam().replace(dir); }; };
  bool died = true;
  for (int call = 0; died; ++call) {
    SCOPED_TRACE(call);
    {
      const TempDir dir;
      GetParam().make_old(dir);
      died = dies({.die_at = call}, replace_in(dir));
      const test::Heard warnings;
      recover_replacements(dir.path());
      const std::string now = GetParam().content(dir / "x");
      EXPECT_TRUE(now == (died ? "old" : "new") || now == "new") << now;
      EXPECT_EQ(names_in(dir), std::set<std::string>{"x"});
    }
    const TempDir dir;
    GetParam().make_old(dir);
    dies({.die_at = call}, replace_in(dir));
    const test::Heard warnings;
    if (GetParam().is_folder) {
      EXPECT_THROW(write_directory_atomic(dir / "x", [](const fs::path&) { throw 3; }), int);
      const std::string now = GetParam().content(dir / "x");
      EXPECT_TRUE(now == "old" || now == "new") << "the next writer puts it back before it begins: " << now;
    }
    EXPECT_EQ(run(dir, {}), "");
    EXPECT_EQ(GetParam().content(dir / "x"), "new");
  }
}

TEST_P(Replace, TheProcessDiesAgainWhileItRecovers) {
  int deaths = 0;
  bool died = true;
  for (int call = 0; died; ++call) {
    bool died_again = true;
    for (int later = 0; died_again; ++later) {
      SCOPED_TRACE(std::to_string(call) + ", then " + std::to_string(later));
      const TempDir dir;
      GetParam().make_old(dir);
      died = dies({.die_at = call}, [&] { GetParam().replace(dir); });
      died_again = dies({.die_at = later}, [&] { recover_replacements(dir.path()); });
      deaths += died_again;
      const test::Heard warnings;
      recover_replacements(dir.path());
      const std::string now = GetParam().content(dir / "x");
      EXPECT_TRUE(now == "old" || now == "new") << now;
      EXPECT_EQ(names_in(dir), std::set<std::string>{"x"});
    }
  }
  EXPECT_GE(deaths, 3);
}

/// What a power failure keeps is what was synced: the new bytes before the rename, the rename before the old bytes go.
TEST_P(Replace, SyncsBeforeItRenamesAndBeforeItDeletes) {
  const TempDir dir;
  GetParam().make_old(dir);
  run(dir, {});
  const auto at = [&](const std::string& call, const std::string& path) {
    const auto found = std::find(faults.seen.begin(), faults.seen.end(), call + " " + path);
    EXPECT_NE(found, faults.seen.end()) << call << " " << path;
    return found - faults.seen.begin();
  };
  const bool exchanges = GetParam().is_folder && GetParam().can_exchange;
  const auto renamed = at(exchanges ? "exchange" : "rename", dir / "x"), parent = at("fsync", dir.path());
  const std::string temporary = dir / (".x.tmp" + std::to_string(::getpid()));
  if (GetParam().is_folder)
    for (const char* inner : {"", "/a", "/deep", "/deep/b"}) EXPECT_LT(at("fsync", temporary + inner), renamed) << inner;
  else
    EXPECT_LT(at("fsync", temporary), renamed);
  EXPECT_LT(renamed, parent);
  for (size_t i = 0; i < static_cast<size_t>(parent); ++i)
    EXPECT_EQ(faults.seen[i].find("unlink"), std::string::npos) << faults.seen[i];
}

class Recover : public Replace {};
INSTANTIATE_TEST_SUITE_P(Kinds, Recover, testing::Values(Kind{true, true}));

TEST_P(Recover, TheNewestOldOneIsPutBackAndNothingElseIsTouched) {
  const TempDir dir;
  const test::Heard heard;
  dir.write(".x.old7/a", "older"), dir.write(".x.old8/a", "newer"), dir.write(".y.old9/a", "stale"), dir.write("y/a", "y");
  fs::last_write_time(dir / ".x.old7", fs::file_time_type::clock::now() - std::chrono::hours(1));
  for (const char* name : {".lock", ".old12", ".notes.old", ".a.tmpl", "b.tmp3", ".v1.old7b", ".12"}) dir.write(name, "kept");
  dir.write(".z.tmp5", "half");
  recover_replacements(dir.path());
  EXPECT_EQ(read_file(dir / "x" / "a"), "newer");
  EXPECT_EQ(read_file(dir / "y" / "a"), "y");
  EXPECT_EQ(names_in(dir),
            (std::set<std::string>{"x", "y", ".lock", ".old12", ".notes.old", ".a.tmpl", "b.tmp3", ".v1.old7b", ".12"}));
  EXPECT_NE(heard.text().find((dir / "x").string() + " was put back"), std::string::npos) << heard.text();
}

TEST_P(Recover, WhatCannotBePutBackIsNamedAndKept) {
  const TempDir dir;
  dir.write(".x.old7/a", "only copy");
  arm({.all_from = 0});
  test::expect_error([&] { recover_replacements(dir.path()); }, ExitCode::kFailed,
                     {dir / "x", dir / ".x.old7", "Input/output error"});
  faults.armed = false;
  EXPECT_EQ(read_file(dir / ".x.old7" / "a"), "only copy");
}

TEST_P(Recover, AFolderThatIsNotThereHoldsNothing) {
  const TempDir dir;
  recover_replacements(dir / "none");
  EXPECT_FALSE(fs::exists(dir / "none"));
}

}  // namespace
}  // namespace fsc
