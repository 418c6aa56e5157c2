// Training on webdataset shards with generated negatives: packed, checked, trained on, killed, and gone on with to the same
// bytes.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::expect_ended;
using test::Process;
using test::read_all;
using test::run_program;
using test::SmallRun;

/// SmallRun's table in shards of seven samples, each image with a caption of its own.
class ShardRun {
 public:
  ShardRun() {
    expect_ended(run_program("fsc-data", {"pack", run_ / "train.tsv", "--out", run_ / "shards", "--samples", "7", "--set",
                                          "captions=all", "--negatives", "neg_caption"}),
                 0, {"24 samples in 4 shards"});
  }
  std::vector<std::string> command(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"--config", run_ / "config.yaml"};
    for (const std::string& set :
         {std::string("data.train={format: webdataset, path: '") + (run_ / "shards/*.tar").string() +
              "', caption_key: 'json:captions'}",
          std::string("negatives={source: generate, kinds: [swap, replace, shuffle]}"), std::string("data.shuffle_buffer=500"),
          std::string("data.workers=2"), std::string("train.epochs=2")}) {
      arguments.emplace_back("--set");
      arguments.push_back(set);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  fs::path folder() const { return run_.run(); }
  fs::path operator/(const std::string& name) const { return run_ / name; }
  int steps_logged() const {
    std::ifstream file(folder() / "metrics.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }

 private:
  SmallRun run_;
};

const std::string& reference_model() {
  static const std::string model = [] {
    const ShardRun run;
    const Ended ended = run_program("fsc-train", run.command({"--set", "data.workers=1", "--set", "data.prefetch=1"}));
    expect_ended(ended, 0, {"4 shards with 24 samples", "input: ", "analyse", "negatives: "});
    return read_all(run.folder() / "model.safetensors");
  }();
  return model;
}

class KilledOnShards : public testing::TestWithParam<int> {};

TEST_P(KilledOnShards, ResumesToTheSameBytes) {
  const std::string& wanted = reference_model();
  const ShardRun run;
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const int steps = std::uniform_int_distribution(1, 11)(random);
  {
    Process process("fsc-train", run.command());
    while (process.runs() && run.steps_logged() < steps) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
    process.send(SIGKILL);
    process.wait();
  }
  expect_ended(run_program("fsc-train", run.command({"--resume", "auto", "--set", "data.workers=3"})), 0, {});
  EXPECT_TRUE(read_all(run.folder() / "model.safetensors") == wanted) << "killed after " << steps << " steps";
}
INSTANTIATE_TEST_SUITE_P(Seed, KilledOnShards, testing::Range(0, 4));

TEST(ShardRuns, OtherShardsAreRefusedOnResume) {
  const ShardRun run;
  expect_ended(run_program("fsc-train", run.command({"--set", "train.max_steps=3"})), 0, {});
  fs::remove(run / "shards/shard-000003.tar");
  expect_ended(run_program("fsc-train", run.command({"--resume", "auto", "--set", "train.max_steps=3"})), 2,
               {"4 shards", "3 shards"});
}

TEST(ShardRuns, AWrongCaptionKeySaysWhatThereIs) {
  const ShardRun run;
  const std::string set =
      "data.train={format: webdataset, path: '" + (run / "shards/*.tar").string() + "', caption_key: 'json:text'}";
  expect_ended(run_program("fsc-train", run.command({"--set", set})), 2,
               {"has a caption under data.train.caption_key = json:text", "json (captions, filepath, neg_caption)"});
}

TEST(ShardRuns, ACutShardIsCountedAndTheRestIsUsed) {
  const ShardRun run;
  fs::remove(run / "shards/sizes.json");
  fs::resize_file(run / "shards/shard-000001.tar", 3000);
  const Ended ended = run_program("fsc-train", run.command({"--set", "train.max_steps=3", "--set", "data.max_bad_samples=0.2"}));
  expect_ended(ended, 0, {"bad samples: 1"});
  EXPECT_NE(read_all(run.folder() / "bad_samples.txt").find("ends in the middle of a sample"), std::string::npos);
}

TEST(ShardRuns, APipeThatDiesIsNamed) {
  const ShardRun run;
  const std::string set = "data.train={format: webdataset, path: 'pipe:echo broken >&2; exit 7', samples: 8}";
  const Ended ended = run_program("fsc-train", run.command({"--set", set, "--set", "data.retries=0"}));
  expect_ended(ended, 1, {"exit 7", "broken", "data.max_bad_samples"});
}

TEST(Bench, RunsTheLoaderAlone) {
  const ShardRun run;
  auto command = run.command({"--batches", "4", "--json", (run / "b.json").string()});
  command.insert(command.begin(), "bench");
  expect_ended(run_program("fsc-data", command), 0, {"loader: ", "samples/s", "decode", "generate", "the dearest stage"});
  EXPECT_NE(read_all(run / "b.json").find("\"samples\": 16"), std::string::npos);
}

TEST(Check, ReportsWhatARunWouldLose) {
  const ShardRun run;
  const std::string shards = (run / "shards/*.tar").string();
  expect_ended(run_program("fsc-data", {"check", shards, "--set", "caption_key=json:captions"}), 0,
               {"4 shards, 24 samples, 24 images, 24 captions", "image that is there twice"});
  fs::resize_file(run / "shards/shard-000000.tar", 3000);
  expect_ended(run_program("fsc-data", {"check", shards}), 1, {"archive: truncated", "shard-000000.tar"});
  expect_ended(run_program("fsc-data", {"check", run / "train.tsv"}), 0, {"24 samples, 6 images, 24 captions"});
}

TEST(Negatives, AColumnForATable) {
  const SmallRun run;
  const std::string out = run / "with.tsv";
  expect_ended(run_program("fsc-data", {"negatives", "--table", run / "train.tsv", "--column", "--out", out, "--seed", "7"}), 0,
               {"24 captions", "swap", "us"});
  expect_ended(run_program("fsc-train", {"--config", run / "config.yaml", "--set", "data.train.path=" + out, "--set",
                                         "train.max_steps=2", "--set", "negatives.sample=all"}),
               0, {});
  const std::string table = read_all(out);
  EXPECT_EQ(table.substr(0, table.find('\n')), "title\tfilepath\tneg_caption");
}

TEST(Negatives, CommandLine) {
  const SmallRun run;
  const std::string captions = run.write("c.txt", "A small dog runs after two red balls.\n\nThe cat sleeps.\n");
  expect_ended(run_program("fsc-data", {"negatives", "--captions", captions, "--kinds", "swap,shuffle", "--out", run / "n.tsv",
                                        "--preview", "1"}),
               0, {"A small dog runs after two red balls.", "  swap ", "  shuffle "});
  const std::string lines = read_all(run / "n.tsv");
  EXPECT_EQ(lines.find("index\tkind\tnegative\n0\tswap\t"), 0u) << lines;
  EXPECT_EQ(lines.find("\n1\t"), std::string::npos) << "nothing of an empty caption: " << lines;
  expect_ended(run_program("fsc-data", {"negatives", "--out", "x"}), 2, {"--captions FILE or --table T"});
  expect_ended(run_program("fsc-data", {"negatives", "--captions", captions}), 2, {"--out FILE"});
  expect_ended(run_program("fsc-data", {"negatives", "--captions", captions, "--kinds", "spaw", "--out", "x"}), 2, {"spaw"});
  expect_ended(run_program("fsc-data", {"negatives", "--captions", (run / "none.txt").string(), "--out", "x"}), 1, {"none.txt"});
}

}  // namespace
}  // namespace fsc
