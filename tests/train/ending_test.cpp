// What a run leaves: the model, its average, the curve, and with the guard's alpha a mix that its record tells of.
#include "train/detail_ending.h"

#include <gtest/gtest.h>

#include "fsc/io/safetensors.h"
#include "fsc/train/run_log.h"
#include "fsc/weights/interpolate.h"
#include "support/golden.h"
#include "support/heard.h"
#include "train/detail_store.h"
#include "train/guard/scripted_probe.h"

namespace fsc {
namespace {
using namespace detail;
namespace fs = std::filesystem;
using test::small_config;
using test::small_session;
using test::SmallRun;

TEST(Ending, LeavesModelAverageAndCurve) {
  const SmallRun run;
  const test::Heard heard;
  const RunConfig config = small_config(run, {"train.ema_decay=0.5"});
  Session session = small_session(config);
  fs::create_directories(run.run());
  RunLog(run.run(), 0, false).write({.step = 1, .loss = 2.0, .terms = {{"clip_loss", 2.0}}});
  session.loader->start();
  test::take_steps(session, 2);
  const StateDict weights = test::weights_of(session);
  write_result(config, session, nullptr, 2);
  EXPECT_TRUE(test::equal(test::weights_of(session), weights)) << "they stay in the model";
  EXPECT_TRUE(test::equal(read_safetensors(run.run() / kModelFile), weights));
  EXPECT_TRUE(test::equal(read_safetensors(run.run() / "ema" / kModelFile), session.average->state()));
  EXPECT_EQ(find_model(run.run()).provenance.step, 2);
  EXPECT_EQ(find_model(run.run()).provenance.averaged, "");
  EXPECT_TRUE(fs::exists(run.run() / "loss_curve.png"));
  EXPECT_NE(heard.text().find("average of the weights (train.ema_decay) in " + run.run().string() + "/ema"), std::string::npos);
}

/// A guard that lets half of the way pass: the end is beyond the limit, alpha 0.5 is not.
class WiseFt : public testing::Test {
 protected:
  /// The weights at the start, at the end and as they were written.
  struct Path {
    StateDict start, end, result;
  };
  Path end_of(const std::vector<std::string>& overrides) {
    std::vector<std::string> all = {"guard={every_steps: 2, budget: 0, max_drop: 10, decide: point, action: wise-ft, alphas: 2}",
                                    "train.max_steps=2"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const RunConfig config = small_config(run_, all);
    Session session = small_session(config);
    const auto guard = test::scripted_guard(run_, config, session, {{50, 80}, {90, 20}, {70, 75}});
    Store store(config, session, guard.get());
    Path path;
    session.loader->start();
    guard->probe(0);
    store.save({.step = 0});
    path.start = test::weights_of(session);
    test::take_steps(session, 2);
    guard->probe(2);
    path.end = test::weights_of(session);
    RunLog(run_.run(), 0, false).write({.step = 2, .loss = 2.0, .terms = {}});
    write_result(config, session, guard.get(), 2);
    path.result = read_safetensors(run_.run() / session.to_save().weights_file());
    return path;
  }
  SmallRun run_;
  test::Heard heard_;
};

TEST_F(WiseFt, OfAPlainModelIsTheMixAndSaysSo) {
  const Path path = end_of({});
  EXPECT_TRUE(test::equal(path.result, interpolate(path.start, path.end, 0.5)));
  EXPECT_EQ(find_model(run_.run()).provenance.averaged, "WiSE-FT, alpha 0.5 from the start of the run to its step 2");
}

TEST_F(WiseFt, OfAnAverageMovesBoth) {
  const Path path = end_of({"train.ema_decay=0.999999"});  // an average that stays at the start
  EXPECT_TRUE(test::equal(path.result, interpolate(path.start, path.end, 0.5)));
  const StateDict average = read_safetensors(run_.run() / "ema" / kModelFile);
  for (const auto& [name, tensor] : path.start.entries())
    EXPECT_TRUE(torch::allclose(tensor, *average.find(name), 1e-4, 1e-6)) << name;
}

TEST_F(WiseFt, OfLoraScalesB) {
  const Path path = end_of({"model.lora.rank=2"});
  for (const auto& [name, tensor] : path.result.entries())
    EXPECT_TRUE(torch::equal(tensor, *path.end.find(name) * (name.ends_with("lora_B") ? 0.5F : 1.0F))) << name;
}

}  // namespace
}  // namespace fsc
