// The guard's decisions over runs whose scores are scripted: what it says, saves, goes back to and remembers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/golden.h"
#include "support/heard.h"
#include "train/guard/scripted_probe.h"

namespace fsc {
namespace {
using namespace detail;
using test::Scripted;
using test::SmallRun;
using Next = GuardVerdict::Next;

/// A run of twelve steps that is probed every two; a kind may lose 10 points as measured.
class GuardTest : public testing::Test {
 protected:
  RunConfig config(const std::string& action) const {
    return test::small_config(
        run_, {"guard={every_steps: 2, budget: 0, max_drop: 10, decide: point, max_rollbacks: 2}", "guard.action=" + action});
  }
  /// Session and guard stay until the next call.
  Guard& guard(const RunConfig& config, std::vector<Scripted> script) {
    guard_.reset();
    config_ = config;
    session_ = test::small_session(config_);
    guard_ = test::scripted_guard(run_, config_, session_, std::move(script));
    return *guard_;
  }
  size_t told(const std::string& part) const {
    size_t n = 0;
    const std::string text = heard_.text();
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  }
  nlohmann::json pareto() const { return nlohmann::json::parse(test::read_all((run_.run() / "pareto.json").string())); }

  SmallRun run_;
  test::Heard heard_;
  RunConfig config_;
  Session session_;
  std::unique_ptr<Guard> guard_;
};

TEST_F(GuardTest, IsDueAtItsStepsAndAtTheEnd) {
  RunConfig odd = config("warn");
  odd.train.max_steps = 5;
  Guard& it = guard(odd, {{50, 80}});
  EXPECT_TRUE(it.is_new());
  for (int64_t step = 1; step <= 5; ++step) EXPECT_EQ(it.due(step), step == 2 || step == 4 || step == 5) << step;
  const GuardVerdict verdict = it.probe(0);
  EXPECT_FALSE(it.is_new());
  EXPECT_EQ(verdict.next, Next::kGoOn);
  EXPECT_TRUE(verdict.save) << "where a rollback may end";
  EXPECT_EQ(verdict.scalars, (std::vector<std::pair<std::string, double>>{
                                 {"guard/composition", 50}, {"guard/retrieval", 80}, {"guard/forgetting", 0}}));
}

TEST_F(GuardTest, WarnsOnceACrossingAndNeverActs) {
  Guard& it = guard(config("warn"), {{50, 80}, {60, 60}, {60, 50}, {60, 75}, {60, 40}});
  for (const int64_t step : {0, 2, 4, 6, 8}) EXPECT_EQ(it.probe(step).next, Next::kGoOn) << step;
  EXPECT_EQ(told("guard: retrieval has lost 20.00 points against step 0, more than 10 (guard.max_drop)"), 1u);
  EXPECT_EQ(told("has lost"), 2u) << heard_.text();
  EXPECT_EQ(told("guard: retrieval is within the limit again"), 1u);
}

TEST_F(GuardTest, SavesWhatBelongsToTheFront) {
  Guard& it = guard(config("warn"), {{50, 80}, {60, 78}, {55, 77}, {70, 72}});
  std::vector<bool> saved;
  for (const int64_t step : {0, 2, 4, 6}) saved.push_back(it.probe(step).save);
  EXPECT_EQ(saved, (std::vector<bool>{true, true, false, true})) << "step 4 is worse than step 2 in both";
  EXPECT_EQ(it.kept_steps(), (std::set<int64_t>{0, 2, 6}));
  EXPECT_EQ(it.best_step(), 6);
}

TEST_F(GuardTest, StopsAndNamesTheBestWithinTheLimit) {
  Guard& it = guard(config("stop"), {{50, 80}, {60, 75}, {90, 60}});
  it.probe(0);
  EXPECT_EQ(it.probe(2).next, Next::kGoOn);
  const GuardVerdict verdict = it.probe(4);
  EXPECT_EQ(verdict.next, Next::kStop);
  EXPECT_TRUE(verdict.save) << "so that a resumed run stays stopped";
  EXPECT_TRUE(it.stopped());
  EXPECT_EQ(it.best_checkpoint(), run_.run() / "checkpoints/step_2");
  EXPECT_TRUE(pareto()["stopped"].get<bool>());
}

TEST_F(GuardTest, GoesBackWithALowerRateAndAfterTheLastRollbackStops) {
  Guard& it = guard(config("rollback"), {{50, 80}, {60, 75}, {90, 60}, {90, 60}, {90, 60}});
  it.probe(0), it.probe(2);
  for (const double factor : {0.5, 0.25}) {
    const GuardVerdict verdict = it.probe(4);
    EXPECT_EQ(verdict.next, Next::kRollBack);
    EXPECT_FALSE(verdict.save);
    EXPECT_EQ(it.best_step(), 2);
    EXPECT_EQ(it.lr_factor(), factor);
  }
  EXPECT_EQ(it.probe(4).next, Next::kStop);
  EXPECT_EQ(told("after 2 rollbacks (guard.max_rollbacks)"), 1u) << heard_.text();
  EXPECT_EQ(pareto()["points"][2]["abandoned"], true);
}

TEST_F(GuardTest, AModelThatGivesNoNumbersHasForgottenAll) {
  Guard& it = guard(config("stop"), {{50, 80}, {-1, 0}});
  it.probe(0);
  EXPECT_EQ(it.probe(2).next, Next::kStop);
  EXPECT_EQ(pareto()["points"][1]["forgetting"], 100.0);
  Guard& broken_from_the_start = guard(config("stop"), {{-1, 0}});
  EXPECT_THROW(broken_from_the_start.probe(0), NotFiniteError);
}

TEST_F(GuardTest, RemembersInACheckpoint) {
  const std::vector<Scripted> script = {{50, 80}, {60, 75}, {90, 60}, {60, 60}};
  Guard& first = guard(config("rollback"), script);
  first.probe(0), first.probe(2), first.probe(4);
  const std::string state = first.state(), files = test::read_all((run_.run() / "guard.jsonl").string());
  Guard& second = guard(config("rollback"), {script[3]});
  second.restore(state, run_.run() / "checkpoints/step_2");
  EXPECT_EQ(second.state(), state);
  EXPECT_EQ(test::read_all((run_.run() / "guard.jsonl").string()), files);
  EXPECT_EQ(second.lr_factor(), 0.5);
  EXPECT_EQ(told("of the Pareto front is gone"), 2u) << "steps 0 and 2 were never written: " << heard_.text();
  EXPECT_EQ(second.probe(4).next, Next::kRollBack) << "held against step 0 of then";
  EXPECT_EQ(second.lr_factor(), 0.25);
}

TEST_F(GuardTest, AnotherProbeOrADamagedMemoryIsRefused) {
  Guard& it = guard(config("warn"), {{50, 80}});
  it.probe(0);
  auto state = nlohmann::json::parse(it.state());
  state["probe"] = "another";
  test::expect_error([&] { it.restore(state.dump(), "there/step_2"); }, ExitCode::kUsage,
                     {"the guard's probe is not the one that there/step_2 was trained under"});
  test::expect_error([&] { it.restore("", "there/step_2"); }, ExitCode::kFailed, {"there/step_2", "damaged or missing"});
}

TEST_F(GuardTest, ChoosesTheLargestAlphaWithinTheLimit) {
  RunConfig wise = config("wise-ft");
  wise.guard.alphas = 4;
  Guard& it = guard(wise, {{50, 80}, {90, 60}, {80, 65}, {70, 72}});
  it.probe(0);
  it.probe(session_.total_steps);
  std::vector<double> asked;
  EXPECT_EQ(it.choose_alpha([&](double alpha) { asked.push_back(alpha); }), 0.5);
  EXPECT_EQ(asked, (std::vector<double>{0.75, 0.5})) << "the end was scored already";
  const nlohmann::json chosen = pareto()["wise_ft"];
  EXPECT_EQ(chosen["alpha"], 0.5);
  EXPECT_EQ(chosen["tried"].size(), 3u);
}

TEST_F(GuardTest, IsNoneWithoutItsOption) {
  const RunConfig off = test::small_config(run_);
  const Session session = test::small_session(off);
  EXPECT_EQ(open_guard(off, session, [](const auto&) -> SuiteConfig { throw Error("asked"); }), nullptr);
}

}  // namespace
}  // namespace fsc
