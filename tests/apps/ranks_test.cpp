// fsc-train on several processes of this machine: the numbers of one, and what becomes of the others when one of them ends.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/run_support.h"
#include "fsc/core/clock.h"
#include "fsc/io/safetensors.h"
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
using test::train;

using Arguments = std::vector<std::string>;

Arguments joined(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Arguments settings(const std::vector<std::string>& pairs) {
  Arguments all;
  for (const auto& pair : pairs) all.insert(all.end(), {"--set", pair});
  return all;
}
Arguments on(int processes) { return {"--nproc", std::to_string(processes)}; }

/// Without what draws in each process by itself, such as dropout.
const Arguments kEight = settings({"train.batch_size=8", "distributed.check_every=1", "distributed.timeout=20"});

const Arguments kSiglip = {"model.arch=" FSC_TEST_DATA "/models/tiny-siglip.json",
                           "model.tokenizer=" FSC_TEST_DATA "/golden/spiece.model", "loss.name=siglip"};

std::vector<nlohmann::json> lines_of(const fs::path& run) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(read_all((run / "metrics.jsonl").string()));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

void expect_same_numbers(const fs::path& one, const fs::path& other, const char* weights = "model.safetensors") {
  const auto a = lines_of(one), b = lines_of(other);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    for (const auto& [name, value] : a[i].items()) {
      if (!name.ends_with("loss") && name != "logit_scale" && name != "samples") continue;
      const double should = value.get<double>();
      EXPECT_NEAR(should, b[i].at(name).get<double>(), 1e-6 * std::max(1.0, std::abs(should))) << "step " << i + 1 << " " << name;
    }
  }
  const StateDict x = read_safetensors(one / weights), y = read_safetensors(other / weights);
  ASSERT_EQ(x.size(), y.size());
  for (const auto& [name, tensor] : x.entries()) {
    // AdamW makes a whole step of the rounding noise that a key bias has for a gradient.
    if (name.ends_with("in_proj_bias")) continue;
    EXPECT_LE((tensor - *y.find(name)).abs().max().item<double>(), 1e-5) << name;
  }
}

struct Variant {
  const char* name;
  std::vector<std::string> settings;
  const char* weights = "model.safetensors";
};
class Ranks : public testing::TestWithParam<Variant> {};

TEST_P(Ranks, TwoAndFourHaveTheNumbersOfOne) {
  const auto with = [](int processes) {
    return joined(joined(kEight, settings(GetParam().settings)), processes == 1 ? Arguments{} : on(processes));
  };
  const SmallRun one;
  expect_ended(run_program("fsc-train", train(one, with(1))), 0);
  for (const int processes : {2, 4}) {
    SCOPED_TRACE(processes);
    const SmallRun several;
    const Ended ended = run_program("fsc-train", train(several, with(processes)));
    expect_ended(ended, 0);
    if (ended.code == 0) expect_same_numbers(one.run(), several.run(), GetParam().weights);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Losses, Ranks,
    testing::Values(
        Variant{"fsc", {}}, Variant{"negclip", {"loss.name=clip"}},
        Variant{"parts", {"train.batch_size=4", "train.accum_freq=2"}},
        Variant{"masked", {"loss.missing_negatives=masked", "negatives.avoid_batch_captions=true", "data.avoid_duplicates=true"}},
        Variant{"lora", {"model.lora.rank=2", "model.lora.init=zero"}, "lora.safetensors"},
        Variant{"locked", {"model.lock_image=true", "train.ema_decay=0.9"}},
        Variant{"shards", {"distributed.shard_optimizer=true", "optim.grad_clip=0.5"}},
        Variant{"shards_parts",
                {"distributed.shard_optimizer=true", "optim.grad_clip=0.5", "train.batch_size=4", "train.accum_freq=2",
                 "train.ema_decay=0.9", "distributed.bucket_mb=0.02"}},
        Variant{
            "shards_lora", {"distributed.shard_optimizer=true", "model.lora.rank=2", "model.lora.init=zero"}, "lora.safetensors"},
        Variant{"uneven", {"train.batch_size=7"}}, Variant{"siglip", kSiglip},
        Variant{"siglip_uneven_parts", joined(kSiglip, {"train.batch_size=7", "train.accum_freq=2"})},
        Variant{"ring", {"distributed.features=ring", "train.batch_size=7"}},
        Variant{"ring_negclip", {"distributed.features=ring", "loss.name=clip", "loss.missing_negatives=masked"}}),
    [](const auto& info) { return info.param.name; });

/// What a part of a run is started as.
struct Part {
  int processes;
  bool shards;
};

TEST(RanksResume, OnAnotherNumberOfThem) {
  const SmallRun whole;
  expect_ended(run_program("fsc-train", train(whole, kEight)), 0);
  for (const auto& parts : {std::vector<Part>{{2, false}, {1, false}, {4, false}},
                            {{2, true}, {1, true}, {4, true}},
                            {{4, true}, {2, false}, {3, true}}}) {
    const SmallRun broken;
    int round = 0;
    for (const auto& [processes, shards] : parts) {
      Arguments go = joined(joined(kEight, {"--resume", "auto"}), processes == 1 ? Arguments{} : on(processes));
      if (shards) go = joined(go, settings({"distributed.shard_optimizer=true"}));
      if (++round < 3) go = joined(go, {"--simulate-fault", "term@" + std::to_string(2 * round)});
      expect_ended(run_program("fsc-train", train(broken, go)), round < 3 ? 75 : 0);
    }
    expect_same_numbers(whole.run(), broken.run());
  }
}

TEST(RanksStop, ASignalToOneOfThemEndsAllAtOneStep) {
  const SmallRun whole, broken;
  expect_ended(run_program("fsc-train", train(whole, joined(kEight, on(2)))), 0);
  expect_ended(run_program("fsc-train", train(broken, joined(joined(kEight, on(2)), {"--simulate-fault", "term@3:1"}))), 75,
               {"by another rank", "stopped at step 3"});
  EXPECT_TRUE(fs::exists(broken.run() / "checkpoints/step_3/state.json"));
  expect_ended(run_program("fsc-train", train(broken, joined(joined(kEight, on(2)), {"--resume", "auto"}))), 0);
  EXPECT_TRUE(read_all((whole.run() / "model.safetensors").string()) == read_all((broken.run() / "model.safetensors").string()));
}

class RanksFault : public testing::TestWithParam<const char*> {};

/// The others name the lost one, nothing is lost, and the run goes on to the end that it would have had.
TEST_P(RanksFault, IsNamedAndLosesNothing) {
  const Arguments ranks = joined(joined(kEight, on(2)), settings({"distributed.timeout=3"}));
  const SmallRun whole, broken;
  expect_ended(run_program("fsc-train", train(whole, ranks)), 0);
  const std::string fault = GetParam();
  const auto begin = Clock::now();
  const Ended ended = run_program("fsc-train", train(broken, joined(ranks, {"--simulate-fault", fault})));
  EXPECT_LT(seconds_since(begin), 30);
  EXPECT_EQ(ended.code, 1) << ended.output;
  const char* word = fault.starts_with("full-disk") ? "cannot write" : fault.ends_with(":0") ? "rank 0" : "rank 1";
  EXPECT_NE((ended.output + read_all((broken.run() / "log.rank_1.txt").string())).find(word), std::string::npos) << ended.output;
  expect_ended(run_program("fsc-train", train(broken, joined(ranks, {"--resume", "auto"}))), 0);
  EXPECT_TRUE(read_all((whole.run() / "model.safetensors").string()) == read_all((broken.run() / "model.safetensors").string()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RanksFault, testing::Values("kill@3:1", "kill@3:0", "stop@3:1", "stop@3:0", "full-disk@3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

TEST(RanksPlan, SaysWhoExchangesWhat) {
  const SmallRun run;
  const auto ended = run_program("fsc-train", train(run, joined(joined(on(2), kEight), {"--dry-run"})));
  expect_ended(ended, 0,
               {"ranks          2 on 1 host: 0 on ", " (cpu), 1 on ", "4 of 8 images a rank and step", "in buckets of 25 MB",
                "nothing was trained or written"});
  const auto sharded = run_program(
      "fsc-train", train(run, joined(joined(on(2), kEight), {"--dry-run", "--set", "distributed.shard_optimizer=true"})));
  expect_ended(sharded, 0, {"of updated weights (distributed.shard_optimizer)"});
}

TEST(RanksRates, AreEachRanksOwn) {
  const SmallRun run;
  expect_ended(run_program("fsc-train", train(run, joined(on(2), kEight))), 0, {"comm ", "a rank alone "});
  for (const auto& line : lines_of(run.run())) {
    EXPECT_GE(line.at("comm_seconds").get<double>(), 0) << line;
    EXPECT_LE(line.at("comm_seconds").get<double>(), line.at("step_seconds").get<double>()) << line;
    ASSERT_EQ(line.at("rank_samples_per_second").size(), 2U) << line;
    for (const auto& rate : line["rank_samples_per_second"]) EXPECT_GT(rate.get<double>(), 0) << line;
  }
}

TEST(RanksBadInput, IsTold) {
  const SmallRun run;
  expect_ended(run_program("fsc-train", train(run, {"--nproc", "2", "--simulate-fault", "melt@3"})), 2,
               {"--simulate-fault melt@3"});
  expect_ended(run_program("fsc-train", train(run, joined(on(2), settings({"train.batch_size=1"})))), 1,
               {"start fewer processes"});
}

}  // namespace
}  // namespace fsc
