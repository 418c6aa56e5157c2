// Signals at any time of a run's life, and while its input hangs: exit 75 with a checkpoint, or 0 when the run was complete.
#include <fcntl.h>
#include <sys/stat.h>

#include "apps/run_support.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Ended;
using test::Process;
using test::SmallRun;
using test::train;

bool trained_in(const fs::path& run) { return fs::exists(run / "config.yaml"); }

class SignalledAfter : public testing::TestWithParam<int> {};

TEST_P(SignalledAfter, EndsInOrderAndGoesOnToTheSameBytes) {
  const SmallRun run;
  Process process("fsc-train", train(run, {"--set", "output.save_every_steps=0"}));
  std::this_thread::sleep_for(GetParam() * 100ms);
  process.send(SIGTERM);
  const Ended ended = process.wait();
  // Before the program's first own instruction the kernel ends it; nothing has begun then.
  if (ended.code == -SIGTERM)
    EXPECT_TRUE(ended.output.empty() && !fs::exists(run.run())) << ended.output;
  else
    EXPECT_TRUE(ended.code == 0 || ended.code == 75) << ended.code << ": " << ended.output;
  EXPECT_EQ(ended.code == 0, fs::exists(run.run() / "model.safetensors")) << "complete means complete";
  const Ended rest = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(rest.code, 0) << rest.output;
  test::expect_same_end(run);
}
INSTANTIATE_TEST_SUITE_P(Tenths, SignalledAfter, testing::Range(0, 16));

TEST(Signalled, BeforeTheFirstStepThereIsACheckpointToo) {
  const SmallRun run;
  Process process("fsc-train", train(run));
  while (process.runs() && !fs::exists(run.run() / "log.txt")) std::this_thread::sleep_for(1ms);
  process.send(SIGUSR1);
  const Ended ended = process.wait();
  ASSERT_EQ(ended.code, 75) << ended.output;
  EXPECT_NE(ended.output.find("SIGUSR1 received"), std::string::npos) << ended.output;
  EXPECT_TRUE(trained_in(run.run()));
  EXPECT_FALSE(fs::is_empty(run.run() / "checkpoints"));
}

TEST(Signalled, ACompleteRunExitsZeroHoweverOftenItIsAsked) {
  for (int trial = 0; trial < 4; ++trial) {
    const SmallRun run;
    Process process("fsc-train", train(run, {"--set", "train.max_steps=2"}));
    while (process.runs() && !fs::exists(run.run() / "model.safetensors")) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(trial * 10ms);
    for (; process.runs(); std::this_thread::sleep_for(2ms)) process.send(SIGTERM);
    const Ended ended = process.wait();
    EXPECT_EQ(ended.code, 0) << ended.code << ": " << ended.output;
  }
}

/// A run one of whose photos may be a FIFO that nobody writes into.
class HungPhoto : public SmallRun {
 public:
  HungPhoto() {
    std::string table = SmallRun::table();
    const std::string one = SmallRun::image(7);  // of the second half of an epoch or the first, as it falls
    const size_t at = table.find(one, table.find(one) + 1);
    write("train.tsv", table.replace(at, one.size(), photo()));
  }
  std::string photo() const { return (path() / "photo.png").string(); }
  void hang() const { ASSERT_EQ(::mkfifo(photo().c_str(), 0600), 0); }
  void mend() const {
    fs::remove(photo());
    fs::copy_file(SmallRun::image(7), photo());
  }
};

TEST(Signalled, WhileAPhotoHangs) {
  const HungPhoto run;
  run.mend();
  ASSERT_EQ(test::run_program("fsc-train", train(run)).code, 0);
  const auto whole = test::RunEnd::of(run.run());
  fs::remove_all(run.run());
  fs::remove(run.photo());
  run.hang();
  {
    Process process("fsc-train", train(run, {"--set", "data.stall_seconds=0.3", "--set", "output.save_every_steps=0"}));
    while (process.runs() && process.output().find("no sample for") == std::string::npos) std::this_thread::sleep_for(10ms);
    const int done = test::steps_logged(run.run());
    process.send(SIGTERM);
    const auto begin = std::chrono::steady_clock::now();
    const Ended ended = process.wait();
    ASSERT_EQ(ended.code, 75) << ended.output;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "a scheduler kills after 30";
    EXPECT_TRUE(fs::exists(run.run() / ("checkpoints/step_" + std::to_string(done)))) << "the last finished step is " << done;
  }
  run.mend();
  const Ended rest = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(rest.code, 0) << rest.output;
  test::expect_same_end(run.run(), whole);
}

TEST(Signalled, WhileAPipeHangs) {
  const SmallRun run;
  const Ended packed = test::run_program(
      "fsc-data", {"pack", run / "train.tsv", "--out", run / "shards", "--samples", "6", "--set", "captions=all"});
  ASSERT_EQ(packed.code, 0) << packed.output;
  // The third of four shards is a command that sends nothing, as long as the file `hangs` is there.
  const std::string shards = (run / "shards").string(), hangs = run.write("hangs", "").string();
  const std::string command =
      "pipe:if [ -e " + hangs + " ] && [ {0..3} = 2 ]; then exec sleep 600; fi; cat " + shards + "/shard-00000{0..3}.tar";
  std::vector<std::string> urls;
  for (const char* n : {"0", "1", "2", "3"}) {
    std::string one = command;
    for (size_t at; (at = one.find("{0..3}")) != std::string::npos;) one.replace(at, 6, n);
    urls.push_back(one);
  }
  const std::string path = urls[0] + "::" + urls[1] + "::" + urls[2] + "::" + urls[3];
  const auto command_line = [&](const std::vector<std::string>& more) {
    auto all = train(run, {"--set", "data.train={format: webdataset, samples: 24, caption_key: txt, path: \"" + path + "\"}",
                           "--set", "negatives.source=generate", "--set", "data.shuffle_buffer=2", "--set",
                           "data.timeout_seconds=300", "--set", "train.batch_size=2"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  {
    Process process("fsc-train", command_line({"--set", "data.stall_seconds=0.3"}));
    while (process.runs() && process.output().find("no sample for") == std::string::npos) std::this_thread::sleep_for(10ms);
    process.send(SIGTERM);
    const Ended ended = process.wait();
    ASSERT_EQ(ended.code, 75) << ended.output;
  }
  fs::remove(hangs);
  const Ended rest = test::run_program("fsc-train", command_line({"--resume", "auto"}));
  ASSERT_EQ(rest.code, 0) << rest.output;
  const std::string straight = (run / "straight").string();
  const Ended whole = test::run_program("fsc-train", command_line({"--set", "output.dir=" + straight}));
  ASSERT_EQ(whole.code, 0) << whole.output;
  EXPECT_TRUE(test::read_all(run.run() / "model.safetensors") == test::read_all(straight + "/model.safetensors"))
      << "the weights differ";
}

}  // namespace
}  // namespace fsc
