// Files and commands as streams: short reads, skips, commands that fail, hang, talk, and outlive their readers.
#include "fsc/shards/byte_stream.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

const StreamOptions kQuick = {.retries = 3, .first_pause = 0.01, .timeout_seconds = 5};

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Bytes that say where they are.
std::string numbered(size_t size) {
  std::string bytes;
  for (int i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + "\n";
  return bytes.substr(0, size);
}

std::string read_in_pieces(ByteStream& stream, size_t piece) {
  std::string bytes;
  std::vector<char> buffer(piece);
  while (const size_t n = stream.read(buffer)) bytes.append(buffer.data(), n);
  EXPECT_EQ(stream.read(buffer), 0u);
  return bytes;
}

TEST(ByteStream, KindsOfUrls) {
  EXPECT_TRUE(is_remote("pipe:cat a") && is_remote("http://a/b") && is_remote("https://a/b"));
  EXPECT_FALSE(is_remote("/a/b") || is_remote("a/http://b") || is_remote("s3://a/b"));
  test::expect_error([] { open_stream("s3://bucket/a.tar"); }, ExitCode::kFailed, {"pipe:aws s3 cp s3://bucket/a.tar -"});
  test::expect_error([] { open_stream("file:///a.tar"); }, ExitCode::kFailed, {"without file://"});
}

TEST(FileStream, ReadsInEveryPieceSize) {
  const TempDir dir;
  const std::string bytes = numbered(20'000), path = dir.write("a", bytes).string();
  for (const size_t piece : {1, 7, 512, 4095, 4096, 4097, 100'000})
    EXPECT_TRUE(read_in_pieces(*open_stream(path), piece) == bytes) << piece;
  EXPECT_EQ(read_in_pieces(*open_stream(dir.write("empty", "").string()), 10), "");
  EXPECT_EQ(open_stream(path)->read({}), 0u);
}

TEST(FileStream, SkipsToEveryPlace) {
  const TempDir dir;
  const std::string bytes = numbered(20'000), path = dir.write("a", bytes).string();
  std::vector<char> buffer(100);
  for (const uint64_t first : {0, 50, 4000, 19'900}) {
    for (const uint64_t count : {0, 1, 90, 3996, 4000, 15'000}) {
      const auto stream = open_stream(path);
      stream->skip(first);
      const size_t n = stream->read(buffer);
      const uint64_t there = std::min<uint64_t>(count, bytes.size() - first - n);
      ASSERT_EQ(stream->skip(count), there);
      const size_t m = stream->read(buffer);
      EXPECT_EQ(std::string(buffer.data(), m), bytes.substr(first + n + there, m));
    }
  }
  EXPECT_EQ(open_stream(path)->skip(UINT64_MAX), bytes.size());
}

TEST(FileStream, WhatIsNoFile) {
  const TempDir dir;
  test::expect_error([&] { open_stream((dir / "none.tar").string()); }, ExitCode::kFailed, {(dir / "none.tar").string()});
  test::expect_error([&] { open_stream(dir.path().string()); }, ExitCode::kFailed, {dir.path().string() + "/*.tar"});
  const std::string fifo = (dir / "fifo").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // Nobody writes into it: opening it would wait for ever.
  test::expect_error([&] { open_stream(fifo); }, ExitCode::kFailed, {"pipe:cat " + fifo});
  test::expect_error([&] { open_stream("/dev/zero"); }, ExitCode::kFailed, {"pipe:cat /dev/zero"});
}

TEST(FileStream, AStopEndsReading) {
  const TempDir dir;
  std::stop_source stop;
  const auto stream = open_stream(dir.write("a", numbered(20'000)).string(), {.stop = stop.get_token()});
  std::vector<char> buffer(5000);
  EXPECT_EQ(stream->read(buffer), 5000u);
  stop.request_stop();
  EXPECT_THROW(stream->read(buffer), ReadStopped);
}

TEST(ReadAll, HasALimit) {
  const TempDir dir;
  const std::string path = dir.write("a", "12345").string();
  EXPECT_EQ(read_all(path, {}, 5), "12345");
  test::expect_error([&] { read_all(path, {}, 4); }, ExitCode::kFailed, {path, "4 bytes"});
  EXPECT_EQ(read_all("pipe:cat " + path), "12345");
}

TEST(PipeStream, GivesWhatTheCommandWrites) {
  const TempDir dir;
  const std::string bytes = numbered(3'000'000), path = dir.write("a", bytes).string();
  for (const size_t piece : {1000, 5'000'000})
    EXPECT_TRUE(read_in_pieces(*open_stream("pipe:cat " + path, kQuick), piece) == bytes);
  const auto stream = open_stream("pipe:cat " + path + " | cat", kQuick);
  EXPECT_EQ(stream->skip(2'999'990), 2'999'990u);
  EXPECT_EQ(read_in_pieces(*stream, 100), bytes.substr(2'999'990));
  EXPECT_EQ(stream->skip(1), 0u);
}

TEST(PipeStream, ACommandThatDiesIsStartedAgainAndReadOn) {
  const TempDir dir;
  const std::string bytes = numbered(300'000), path = dir.write("a", bytes).string(), tries = (dir / "tries").string();
  // The first try gives a third, the second two thirds, and dies by a signal; the third gives all.
  const std::string command = "echo x >> " + tries + "; case $(wc -l < " + tries + ") in 1) head -c 100000 " + path +
                              "; exit 9;; 2) head -c 200000 " + path + "; kill -KILL $$;; *) cat " + path + ";; esac";
  EXPECT_TRUE(read_in_pieces(*open_stream("pipe:" + command, {.retries = 1, .first_pause = 0.01}), 5000) == bytes);
  EXPECT_EQ(read_file(tries), "x\nx\nx\n");
}

TEST(PipeStream, ACommandThatAlwaysFailsIsNamedWithItsLastWords) {
  const TempDir dir;
  const std::string tries = (dir / "tries").string(), command = "echo x >> " + tries + "; echo 'no such bucket' >&2; exit 3";
  const double seconds = seconds_of([&] {
    test::expect_error([&] { read_all("pipe:" + command, kQuick); }, ExitCode::kFailed,
                       {command, "exit status 3", "no such bucket", "try 4 of 4"});
  });
  EXPECT_EQ(read_file(tries), "x\nx\nx\nx\n");
  EXPECT_GE(seconds, 0.07);  // 10 + 20 + 40 ms
}

TEST(PipeStream, ABreakAtTheSamePlaceEachTimeEndsTheTries) {
  test::expect_error([] { read_all("pipe:printf 12345; exit 1", kQuick); }, ExitCode::kFailed,
                     {"exit status 1", "at byte 5", "nothing on stderr"});
}

TEST(PipeStream, ACommandThatGivesLessTheSecondTime) {
  const TempDir dir;
  const std::string tries = (dir / "tries").string();
  const std::string command = "if [ -e " + tries + " ]; then printf 12; else touch " + tries + "; printf 12345; exit 1; fi";
  test::expect_error([&] { read_all("pipe:" + command, kQuick); }, ExitCode::kFailed, {"ended at byte 2", "at byte 5"});
}

TEST(PipeStream, CommandsThatDoNotExistFailAtOnce) {
  const double seconds = seconds_of([] {
    test::expect_error([] { read_all("pipe:fsc-no-such-command a.tar", {.retries = 5, .first_pause = 60}); }, ExitCode::kFailed,
                       {"pipe:fsc-no-such-command a.tar", "exit status 127", "not found"});
  });
  EXPECT_LT(seconds, 10);
  test::expect_error([] { open_stream("pipe: "); }, ExitCode::kFailed, {"without a command"});
}

TEST(PipeStream, ManyWordsOnStderrBlockNobody) {
  EXPECT_EQ(read_all("pipe:head -c 1000000 /dev/zero | tr '\\0' 'e' >&2; printf done", kQuick), "done");
  test::expect_error(
      [] { read_all("pipe:head -c 1000000 /dev/zero | tr '\\0' 'e' >&2; echo the end >&2; exit 1", {.retries = 0}); },
      ExitCode::kFailed, {"eeethe end"});
}

TEST(PipeStream, ACommandThatOutlivesItsReaderIsKilledWithItsChildren) {
  const TempDir dir;
  const std::string pids = (dir / "pids").string();
  const double seconds = seconds_of([&] {
    const auto stream = open_stream("pipe:sleep 100 & echo $! $$ > " + pids + "; echo ready; wait", kQuick);
    std::vector<char> buffer(100);
    ASSERT_EQ(stream->read(buffer), 6u);
  });
  EXPECT_LT(seconds, 10);
  std::ifstream file(pids);
  int count = 0;
  for (pid_t pid = 0; file >> pid; ++count) {
    // The child is a zombie until its new parent has seen to it.
    const auto state = [&] {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string text;
      std::getline(stat, text);
      return text.empty() ? 'Z' : text[text.rfind(')') + 2];
    };
    for (int i = 0; i < 500 && state() != 'Z' && state() != 'X'; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(state() == 'Z' || state() == 'X') << pid;
  }
  EXPECT_EQ(count, 2);
}

TEST(PipeStream, ACommandThatClosesItsOutputButDoesNotEnd) {
  const double seconds = seconds_of([] {
    test::expect_error(
        [] { read_all("pipe:printf 1; exec >&-; sleep 100", {.retries = 1, .first_pause = 0.01, .timeout_seconds = 0.05}); },
        ExitCode::kFailed, {"does not end"});
  });
  EXPECT_LT(seconds, 10);
}

const StreamOptions kImpatient = {.retries = 3, .first_pause = 0.01, .timeout_seconds = 0.2};

TEST(PipeStream, SilenceCountsAsABreak) {
  const TempDir dir;
  const std::string bytes = numbered(300'000), path = dir.write("a", bytes).string(), tries = (dir / "tries").string();
  // The first try never says a word, the second gives a third and falls silent, the next one (from the front again) two thirds.
  const std::string command = "echo x >> " + tries + "; case $(wc -l < " + tries + ") in 1) sleep 100;; 2) head -c 100000 " +
                              path + "; sleep 100;; 3) head -c 200000 " + path + "; sleep 100;; *) cat " + path + ";; esac";
  const double seconds = seconds_of([&] {
    EXPECT_TRUE(read_in_pieces(*open_stream("pipe:" + command, {.retries = 1, .first_pause = 0.01, .timeout_seconds = 0.2}),
                               5000) == bytes);
  });
  EXPECT_EQ(read_file(tries), "x\nx\nx\nx\n");
  EXPECT_LT(seconds, 20);
}

TEST(PipeStream, ACommandThatStaysSilentIsNamed) {
  const TempDir dir;
  const std::string tries = (dir / "tries").string(), command = "pipe:echo x >> " + tries + "; echo waiting >&2; sleep 100";
  const double seconds = seconds_of([&] {
    test::expect_error([&] { read_all(command, kImpatient); }, ExitCode::kFailed,
                       {command, "has sent nothing for 0.2s", "waiting", "at byte 0", "try 4 of 4"});
  });
  EXPECT_EQ(read_file(tries), "x\nx\nx\nx\n");
  EXPECT_GE(seconds, 0.8);
  EXPECT_LT(seconds, 20);
}

TEST(PipeStream, WordsOnStderrAreNoData) {
  const double seconds = seconds_of([] {
    test::expect_error([] { read_all("pipe:while :; do echo 0% >&2; sleep 0.02; done", kImpatient); }, ExitCode::kFailed,
                       {"has sent nothing for", "0%"});
  });
  EXPECT_LT(seconds, 20);
}

TEST(PipeStream, ASlowReaderIsNoSilence) {
  // More than the pipe holds, so that the command itself waits for the reader; then a pause of each side shorter than the limit.
  const std::string command = "pipe:head -c 3000000 /dev/zero; sleep 0.1; printf end";
  const auto stream = open_stream(command, {.retries = 0, .timeout_seconds = 0.4});
  std::vector<char> buffer(1'500'000);
  size_t read = 0;
  while (const size_t n = stream->read(buffer)) {
    if (read < 2'000'000) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    read += n;
    if (read > 2'900'000) buffer.resize(10);
  }
  EXPECT_EQ(read, 3'000'003u);
}

TEST(PipeStream, CommandsDieOfABrokenPipeAlthoughWeIgnoreIt) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(read_all("pipe:yes | head -n 1", kQuick), "y\n");
  ::signal(SIGPIPE, before);
}

TEST(PipeStream, AStopEndsWaitingAndPausing) {
  for (const char* command : {"pipe:sleep 100", "pipe:exit 1"}) {
    std::stop_source stop;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      stop.request_stop();
    });
    const double seconds = seconds_of([&] {
      test::expect_error([&] { read_all(command, {.retries = 3, .first_pause = 100, .stop = stop.get_token()}); },
                         ExitCode::kFailed, {"stopped"});
    });
    stopper.join();
    EXPECT_LT(seconds, 10);
  }
}

TEST(PipeStream, AStopEndsSkippingToWhereItBrokeOff) {
  const TempDir dir;
  const std::string started = (dir / "started").string();
  // The second try drips what was read already, so that it is never silent and never done.
  const std::string command = "pipe:if [ -e " + started + " ]; then while :; do printf 1; done; else touch " + started +
                              "; head -c 100000000 /dev/zero; exit 1; fi";
  std::stop_source stop;
  const auto stream = open_stream(command, {.retries = 1, .first_pause = 0.01, .stop = stop.get_token()});
  EXPECT_EQ(stream->skip(100'000'000), 100'000'000u);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  std::vector<char> buffer(10);
  const double seconds = seconds_of([&] { EXPECT_THROW(stream->read(buffer), ReadStopped); });
  stopper.join();
  EXPECT_LT(seconds, 10);
}

}  // namespace
}  // namespace fsc
