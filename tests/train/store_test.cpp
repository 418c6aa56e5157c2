// Saved and taken back: weights, optimizer, average and place, for plain runs and LoRA alike, by resume and by rollback.
#include "train/detail_store.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/golden.h"
#include "support/heard.h"
#include "train/guard/scripted_probe.h"

namespace fsc {
namespace {
using namespace detail;
namespace fs = std::filesystem;
using test::small_config;
using test::small_session;
using test::SmallRun;

StateDict copy_of(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state.entries()) copy.add(name, tensor.clone());
  return copy;
}

/// Everything of a session that a checkpoint must bring back.
struct Contents {
  explicit Contents(const Session& session) : weights(test::weights_of(session)) {
    StateDict shared;
    session.learner.optimizer->save(shared);
    session.learner.scaler->save(shared);
    optimizer = copy_of(shared);
    if (session.average) average = copy_of(session.average->state());
  }
  bool operator==(const Contents& other) const {
    return test::equal(weights, other.weights) && test::equal(optimizer, other.optimizer) && test::equal(average, other.average);
  }
  StateDict weights, optimizer, average;
};

class StoreOf : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(StoreOf, ARunComesBackAsItWas) {
  const SmallRun run;
  const test::Heard heard;
  const RunConfig config = small_config(run, GetParam());
  Session session = small_session(config);
  Store store(config, session, nullptr);
  session.loader->start();
  test::take_steps(session, 2);
  const TrainState state = {.step = 2, .data = session.loader->place(), .skipped_in_a_row = 1, .skipped_total = 4};
  EXPECT_FALSE(store.has(2));
  store.save(state);
  EXPECT_TRUE(store.has(2));
  EXPECT_FALSE(store.has(3));
  EXPECT_NE(heard.text().find("saved " + run.run().string() + "/checkpoints/step_2 in "), std::string::npos) << heard.text();
  const Contents saved(session);
  const fs::path folder = run.run() / "checkpoints/step_2";

  test::take_steps(session, 1);  // the same session, taken back
  EXPECT_FALSE(Contents(session) == saved);
  store.restore(open_checkpoint(folder));
  EXPECT_TRUE(Contents(session) == saved);

  Session other = small_session(config, folder);  // another process
  Store resumed(config, other, nullptr);
  const TrainState found = resumed.restore(open_checkpoint(folder));
  EXPECT_TRUE(Contents(other) == saved);
  EXPECT_EQ(found.step, 2);
  EXPECT_EQ(found.data, state.data);
  EXPECT_EQ(found.skipped_in_a_row, 1);
  EXPECT_EQ(found.skipped_total, 4);
  EXPECT_TRUE(resumed.has(2)) << "it need not be written again";
}
INSTANTIATE_TEST_SUITE_P(Kind, StoreOf,
                         testing::Values(std::vector<std::string>{"train.ema_decay=0.5"},
                                         std::vector<std::string>{"train.precision=bf16", "train.ema_decay=0.5"},
                                         std::vector<std::string>{"model.lora.rank=2", "train.ema_decay=0.5"},
                                         std::vector<std::string>{"model.lock_text=true"}));

TEST(Store, ACheckpointOfAnotherRunBecomesItsOwn) {
  const SmallRun run;
  const RunConfig first = small_config(run), second = small_config(run, {"output.dir=" + (run / "second").string()});
  Session session = small_session(first);
  Store(first, session, nullptr).save({.step = 2, .data = {.batch = 2}});
  const Checkpoint checkpoint = open_checkpoint(run.run() / "checkpoints/step_2");
  Session other = small_session(second, checkpoint.folder);
  Store store(second, other, nullptr);
  store.restore(checkpoint);
  EXPECT_FALSE(store.has(2));
  store.make_own(checkpoint);
  EXPECT_TRUE(store.has(2));
  EXPECT_EQ(test::read_all(run / "second/checkpoints/step_2/model.safetensors").size(),
            test::read_all(checkpoint.folder / "model.safetensors").size());
  EXPECT_EQ(open_checkpoint(run / "second/checkpoints/step_2").state.step, 2);
}

TEST(Store, OtherDataAreRefusedBeforeAnythingIsTaken) {
  const SmallRun run;
  const RunConfig config = small_config(run);
  Session session = small_session(config);
  Store store(config, session, nullptr);
  store.save({.step = 2, .data = {.batch = 2}});
  Checkpoint checkpoint = open_checkpoint(run.run() / "checkpoints/step_2");
  checkpoint.data_fingerprint = "of another table";
  session.loader->start();
  test::take_steps(session, 1);
  const Contents before(session);
  test::expect_error([&] { store.restore(checkpoint); }, ExitCode::kUsage, {"of another table -> "});
  EXPECT_TRUE(Contents(session) == before);
}

TEST(Store, AnotherBaseOfLoraIsRefused) {
  const SmallRun run;
  const RunConfig config = small_config(run, {"model.lora.rank=2"}),
                  other = small_config(run, {"model.lora.rank=2", "train.seed=8"});
  Session session = small_session(config), on_another = small_session(other);
  Store(config, session, nullptr).save({.step = 2, .data = {.batch = 2}});
  test::expect_error([&] { restore_weights(on_another, run.run() / "checkpoints/step_2"); }, ExitCode::kFailed,
                     {"is not the base"});
}

TEST(Store, GoesBackToTheGuardsBestAndForgetsWhatIsBehind) {
  const SmallRun run;
  const test::Heard heard;
  const RunConfig config = small_config(
      run, {"guard={every_steps: 2, budget: 0, max_drop: 10, decide: point, action: rollback}", "output.keep_last=1"});
  Session session = small_session(config);
  const auto guard = test::scripted_guard(run, config, session, {{50, 80}, {60, 80}, {90, 20}});
  Store store(config, session, guard.get());
  session.loader->start();
  std::vector<Contents> contents;
  for (const int64_t step : {0, 2, 4}) {
    if (step > 0) test::take_steps(session, 2);
    guard->probe(step);
    contents.emplace_back(session);
    store.save({.step = step, .data = session.loader->place()});
  }
  EXPECT_EQ(list_checkpoints(run.run()).size(), 3u) << "the front outlives keep_last";
  EXPECT_EQ(store.restore_best().step, 2);
  EXPECT_TRUE(Contents(session) == contents[1]);
  EXPECT_EQ(list_checkpoints(run.run()).size(), 3u);
  EXPECT_EQ(store.go_back().step, 2);
  EXPECT_TRUE(Contents(session) == contents[1]);
  EXPECT_TRUE(store.has(2));
  EXPECT_EQ(list_checkpoints(run.run()).size(), 2u);
}

}  // namespace
}  // namespace fsc
