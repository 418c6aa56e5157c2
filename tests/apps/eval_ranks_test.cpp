// fsc-eval on several processes of this machine: the files and messages of one, and what becomes of the others when one dies.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "apps/run_support.h"
#include "dist/ranks.h"
#include "eval/suite_folder.h"
#include "support/scoped.h"

namespace fsc::test {
namespace {
namespace fs = std::filesystem;

class EvalOnRanks : public testing::Test {
 protected:
  EvalOnRanks() : threads_("OMP_NUM_THREADS", "1") { write_suite_folder(dir_); }

  std::vector<std::string> arguments(const std::string& output, const std::vector<std::string>& more) const {
    std::vector<std::string> words = {
        "--config", (dir_ / "suite.yaml").string(), "--output", (dir_ / output).string(), "--set", "batch_size=2",
        "--set",    "distributed.timeout=20"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Ended eval(const std::string& output, const std::vector<std::string>& more) const {
    return run_program("fsc-eval", arguments(output, more));
  }
  /// One of two ranks that nobody launched.
  std::unique_ptr<Process> start_rank(int rank, int port, const std::string& checkpoint) const {
    std::vector<std::unique_ptr<ScopedEnv>> variables;
    for (const auto& [name, value] : rank_variables(rank, 2, port))
      variables.push_back(std::make_unique<ScopedEnv>(name.c_str(), value));
    return std::make_unique<Process>("fsc-eval", arguments("out", {"--checkpoint", checkpoint}));
  }
  std::string run(int number) const { return (dir_ / ("run" + std::to_string(number))).string(); }

  /// All files of `one` are in `other`, with the same bytes. -> their number
  int same_files(const std::string& one, const std::string& other) const {
    int compared = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / one)) {
      if (!entry.is_regular_file()) continue;
      const fs::path name = fs::relative(entry.path(), dir_ / one);
      EXPECT_TRUE(read_all((dir_ / other / name).string()) == read_all(entry.path().string())) << name;
      ++compared;
    }
    return compared;
  }
  static size_t count_of(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  }

  TempDir dir_;
  ScopedEnv threads_;
};

TEST_F(EvalOnRanks, WriteWhatOneProcessWrites) {
  const std::vector<std::string> both = {"--checkpoint", run(1), "--checkpoint", run(2)};
  expect_ended(eval("one", both), 0);
  for (const char* processes : {"2", "3"}) {
    auto more = both;
    more.insert(more.end(), {"--nproc", processes});
    const Ended ended = eval(processes, more);
    expect_ended(ended, 0, {"score % by model"});
    EXPECT_EQ(count_of(ended.output, "results are in"), 1u) << ended.output;
    EXPECT_EQ(count_of(ended.output, "[1]"), 0u) << ended.output;
    EXPECT_EQ(same_files("one", processes), 11);
  }
}

TEST_F(EvalOnRanks, ShareAShard) {
  for (const char* processes : {"1", "2"}) {
    for (const char* shard : {"0/2", "1/2"})
      expect_ended(eval(processes, {"--checkpoint", run(1), "--shard", shard, "--nproc", processes}), 0);
  }
  EXPECT_EQ(same_files("1", "2"), 6 + 2 * 4)
      << "the whole, and of each shard its shard.json, results.json and two files of predictions";
}

TEST_F(EvalOnRanks, ScoreAPathAsOneProcess) {
  const std::vector<std::string> path = {"--wise-ft-base", run(1), "--checkpoint", run(2), "--alphas", "0,0.5,1"};
  auto more = path;
  more.insert(more.end(), {"--nproc", "2"});
  expect_ended(eval("one", path), 0);
  expect_ended(eval("two", more), 0);
  EXPECT_GE(same_files("one", "two"), 3 * 5 + 2);
}

TEST_F(EvalOnRanks, ADamagedImageIsToldOnce) {
  fs::copy_file(photo("broken/truncated.jpg"), dir_ / "images/tall.jpg", fs::copy_options::overwrite_existing);
  const Ended one = eval("one", {"--checkpoint", run(1)}), two = eval("two", {"--checkpoint", run(1), "--nproc", "2"});
  expect_ended(one, 1, {"fsc-eval: 1 of 12 images cannot be read"});
  expect_ended(two, 1, {one.output.substr(one.output.find("fsc-eval: "))});
  EXPECT_EQ(count_of(two.output, "cannot be read"), 1u) << two.output;
  expect_ended(eval("two", {"--checkpoint", run(1), "--checkpoint", run(7), "--nproc", "2"}), 1, {"fsc-eval: ", "run7"});
}

TEST_F(EvalOnRanks, OtherWeightsAreNamed) {
  const int port = free_port();
  std::vector<std::unique_ptr<Process>> ranks;
  for (int rank = 0; rank < 2; ++rank) {
    fs::create_directories(dir_ / std::to_string(rank));
    fs::create_directory_symlink(run(rank + 1), dir_ / std::to_string(rank) / "model");  // as on two hosts with their own disks
    const fs::path here = fs::current_path();
    fs::current_path(dir_ / std::to_string(rank));
    ranks.push_back(start_rank(rank, port, "model"));
    fs::current_path(here);
  }
  expect_ended(ranks[0]->wait(), 1, {"the ranks do not agree", "weights: rank 1 (", " of model"});
  EXPECT_EQ(ranks[1]->wait().code, 1);
}

/// One image is a pipe: the rank that has to look into it waits there until it is killed.
TEST_F(EvalOnRanks, ALostOneIsNamed) {
  const fs::path pipe = dir_ / "images/grey.jpg";  // the third of the images, so in the second batch of two
  fs::remove(pipe);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int port = free_port();
  std::vector<std::unique_ptr<Process>> ranks;
  for (int rank = 0; rank < 2; ++rank) ranks.push_back(start_rank(rank, port, run(1)));
  int end = -1;  // can be opened once somebody reads at the other
  while ((end = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && ranks[0]->runs() && ranks[1]->runs())
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ranks[1]->send(SIGKILL);
  expect_ended(ranks[0]->wait(), 1, {"fsc-eval: ", "rank 1 ("});
  ::close(end);
}

}  // namespace
}  // namespace fsc::test
