// scripts/setup waits for another run of itself, and only for that: a file system without locks gets a warning.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "support/scoped.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
using test::TempDir;

/// What take_lock says about `dir`/lock, and "done" if it came to its end; `hear` gets the text after every character.
std::string take_lock(
    const TempDir& dir, const std::function<void(const std::string&)>& hear = [](const std::string&) {}) {
  const auto script =
      dir.write("script", "set -euo pipefail; say() { echo \"setup: $*\"; }\n. " FSC_SOURCE_DIR "/scripts/lib/lock.sh\nexec 9>" +
                              (dir / "lock").string() + "\ntake_lock 9\necho done\n");
  FILE* out = ::popen(("bash " + script.string() + " 2>&1").c_str(), "r");
  std::string text;
  for (int c; out && (c = ::fgetc(out)) != EOF; hear(text)) text += static_cast<char>(c);
  EXPECT_TRUE(out && ::pclose(out) == 0) << text;
  return text;
}

/// The same where the program flock is `body`.
std::string take_lock_by(const std::string& body) {
  const TempDir dir;
  std::filesystem::permissions(dir.write("bin/flock", "#!/bin/sh\n" + body + "\n"), std::filesystem::perms::owner_all);
  const test::ScopedEnv path("PATH", (dir / "bin").string() + ":" + ::getenv("PATH"));
  return take_lock(dir);
}

TEST(SetupLock, IsTakenInSilence) {
  const TempDir dir;
  EXPECT_EQ(take_lock(dir), "done\n");
}

TEST(SetupLock, WaitsForAnotherRun) {
  const TempDir dir;
  const int other = ::open(dir.write("lock", "").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  bool waited = false;
  const std::string text = take_lock(dir, [&](const std::string& so_far) {
    if (waited || !so_far.ends_with("waiting for it\n")) return;
    waited = true;
    ::usleep(200'000);
    ::flock(other, LOCK_UN);
  });
  ::close(other);
  EXPECT_EQ(text, "setup: another scripts/setup is at work here; waiting for it\ndone\n");
}

TEST(SetupLock, WithoutLocksItWarnsOnceAndGoesOn) {
  for (const char* body : {"exit 65", "exit 71", "exit 127", "[ $# = 2 ] && exit 1; exit 65"}) {
    const std::string text = take_lock_by(body);
    const size_t warning = text.find("warning: no lock can be had here");
    ASSERT_NE(warning, std::string::npos) << body << ": " << text;
    EXPECT_EQ(text.find("warning", warning + 1), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("\ndone\n")) << text;
    EXPECT_EQ(text.find("waiting for it") != std::string::npos, std::string(body).starts_with("[")) << text;
  }
}

}  // namespace
}  // namespace fsc
