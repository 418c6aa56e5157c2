// What reaches the log file, a pipe and a terminal.
#include "fsc/core/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <limits>
#include <thread>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

/// stderr is a pseudo-terminal of `columns` columns while this lives.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : saved_(::dup(STDERR_FILENO)) {
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) return;
    const int slave = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    if (slave < 0) return;
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    ::ioctl(slave, TIOCSWINSZ, &size);
    ::dup2(slave, STDERR_FILENO);
    ::close(slave);
    works_ = true;
  }
  ~Terminal() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    if (master_ >= 0) ::close(master_);
  }
  bool works() const { return works_; }
  /// What was written so far.
  std::string read() const {
    std::string text;
    char buffer[4096];
    pollfd wait = {master_, POLLIN, 0};
    while (::poll(&wait, 1, 50) == 1) {
      const ssize_t n = ::read(master_, buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

 private:
  int saved_, master_ = -1;
  bool works_ = false;
};

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Log, PipeAndFileGetPlainLines) {
  const test::TempDir dir;
  testing::internal::CaptureStderr();
  init_logging();
  log_to_file(dir / "log.txt");
  spdlog::info("an ordinary line");
  log_step_line("step 7/9");
  ProgressLine line;
  EXPECT_FALSE(line.on_terminal());
  line.show("never seen");
  line.finish();
  const std::string console = testing::internal::GetCapturedStderr(), file = read_file(dir / "log.txt");
  for (const auto& text : {console, file}) {
    EXPECT_EQ(count(text, "an ordinary line\n"), 1u) << text;
    EXPECT_EQ(count(text, "step 7/9\n"), 1u) << text;
    EXPECT_EQ(text.find('\r'), std::string::npos) << text;
    EXPECT_EQ(text.find('\033'), std::string::npos) << text;
    EXPECT_EQ(text.find("never seen"), std::string::npos) << text;
  }
  init_logging();
}

TEST(Log, FileIsAppendedTo) {
  const test::TempDir dir;
  dir.write("log.txt", "before the resume\n");
  testing::internal::CaptureStderr();
  init_logging();
  log_to_file(dir / "log.txt");
  spdlog::warn("after");
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(read_file(dir / "log.txt").find("before the resume\n"), 0u);
  EXPECT_NE(read_file(dir / "log.txt").find("warning after\n"), std::string::npos);
  init_logging();
}

TEST(Log, FileThatCannotBeWritten) {
  const test::TempDir dir;
  dir.write("file", "");
  init_logging();
  test::expect_error([&] { log_to_file(dir / "file" / "log.txt"); }, ExitCode::kFailed, {(dir / "file/log.txt").string()});
}

TEST(Log, TerminalGetsOneLineThatIsRewritten) {
  const test::TempDir dir;
  std::string screen;
  {
    const Terminal terminal(20);
    if (!terminal.works()) GTEST_SKIP() << "no pseudo-terminals here";
    init_logging();
    log_to_file(dir / "log.txt");
    ProgressLine line;
    EXPECT_TRUE(line.on_terminal());
    line.show("step 1 of a line that is far too long for the terminal");
    line.show("step 2 comes too soon");
    log_step_line("step 3 for the file");
    spdlog::info("an ordinary line");
    line.finish();
    screen = terminal.read();
  }
  init_logging();
  EXPECT_NE(screen.find("\r\033[Kstep 1 of a line th\r\033[K"), std::string::npos)
      << "cut to 19 columns, cleared for what follows: " << screen;
  EXPECT_EQ(screen.find("step 2"), std::string::npos) << "at most ten a second: " << screen;
  EXPECT_EQ(screen.find("step 3"), std::string::npos) << "the progress line shows it: " << screen;
  EXPECT_EQ(count(screen, "an ordinary line"), 1u) << screen;
  const std::string file = read_file(dir / "log.txt");
  EXPECT_EQ(count(file, "step 3 for the file\n"), 1u) << file;
  EXPECT_EQ(count(file, "an ordinary line\n"), 1u) << file;
  EXPECT_EQ(file.find('\033'), std::string::npos);
}

TEST(Log, LinesOfOtherThreadsNeverMeetTheProgressLine) {
  std::string screen;
  constexpr int kThreads = 4, kLines = 25, kShown = 200;
  {
    const Terminal terminal(40);
    if (!terminal.works()) GTEST_SKIP() << "no pseudo-terminals here";
    init_logging();
    std::vector<std::thread> writers;
    for (int thread = 0; thread < kThreads; ++thread) {
      writers.emplace_back([thread] {
        for (int i = 0; i < kLines; ++i) spdlog::info("line {} of thread {}", i, thread);
      });
    }
    for (int i = 0; i < kShown; ++i) {
      ProgressLine line;  // each its own: none is too soon after another
      line.show("a progress line");
      std::this_thread::yield();
    }
    for (auto& writer : writers) writer.join();
    screen = terminal.read();
  }
  init_logging();
  EXPECT_EQ(count(screen, " of thread "), static_cast<size_t>(kThreads * kLines)) << screen;
  EXPECT_EQ(count(screen, "a progress line"), static_cast<size_t>(kShown)) << screen;
  // Between a progress line and the next thing on the screen the line is cleared, and cleared but once.
  for (size_t at = screen.find("a progress line"); at != std::string::npos; at = screen.find("a progress line", at + 1))
    EXPECT_EQ(screen.compare(at, 19, "a progress line\r\033[K"), 0) << screen.substr(at, 40);
  EXPECT_EQ(count(screen, "\033[K"), 2u * kShown) << screen;
}

TEST(Log, NeverHalfACharacter) {
  const Terminal terminal(11);
  if (!terminal.works()) GTEST_SKIP() << "no pseudo-terminals here";
  ProgressLine line;
  line.show("123456789\xC3\xA9\xC3\xA9");
  line.finish();
  const std::string screen = terminal.read();
  EXPECT_NE(screen.find("123456789\r"), std::string::npos) << screen;
}

TEST(Format, Duration) {
  EXPECT_EQ(format_duration(0), "0.0s");
  EXPECT_EQ(format_duration(3.21), "3.2s");
  EXPECT_EQ(format_duration(59.94), "59.9s");
  EXPECT_EQ(format_duration(59.96), "01m 00s");
  EXPECT_EQ(format_duration(123), "02m 03s");
  EXPECT_EQ(format_duration(3599.6), "1h 00m 00s");
  EXPECT_EQ(format_duration(3723), "1h 02m 03s");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()), "?");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::quiet_NaN()), "?");
}

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(999960), "1.0 MB");
  EXPECT_EQ(format_bytes(1.5e9), "1.5 GB");
  EXPECT_EQ(format_bytes(2.5e15), "2500.0 TB");
}

}  // namespace
}  // namespace fsc
