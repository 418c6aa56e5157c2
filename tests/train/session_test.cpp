// What is built from a config: model, objective, optimizer, average, and a model to be filled from a checkpoint.
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/heard.h"
#include "train/detail_store.h"
#include "train/session_support.h"

namespace fsc {
namespace {
using namespace detail;
namespace fs = std::filesystem;
using test::small_config;
using test::small_session;
using test::SmallRun;

std::vector<std::string> term_names(const Session& session) {
  std::vector<std::string> names;
  for (const auto& term : session.learner.objective) names.push_back(term.name);
  return names;
}

/// The names that the optimizer has a state of.
std::vector<std::string> optimized(const Session& session) {
  StateDict state;
  session.learner.optimizer->save(state);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state.entries())
    if (name.starts_with("exp_avg.")) names.push_back(name.substr(8));
  return names;
}

TEST(Session, OfAPlainConfig) {
  const SmallRun run;
  const test::Heard heard;
  const Session session = small_session(small_config(run));
  EXPECT_EQ(session.learner.model->arch().vision.image_size, 32);
  EXPECT_EQ(session.identity.preprocess.size, 32);
  EXPECT_EQ(session.total_steps, 12);
  EXPECT_EQ(term_names(session), (std::vector<std::string>{"clip_loss", "global_hn_loss", "local_hn_loss"}));
  EXPECT_TRUE(session.learner.needs.tokens);
  EXPECT_TRUE(session.learner.model->is_training());
  EXPECT_EQ(optimized(session).size(), session.learner.model->named_parameters().size());
  EXPECT_FALSE(session.average);
  EXPECT_FALSE(session.lora);
  EXPECT_STREQ(session.to_save().weights_file(), kModelFile);
  EXPECT_NE(heard.text().find(": random weights"), std::string::npos) << heard.text();
}

TEST(Session, WithoutNegativesTheirTermsAreLeftOut) {
  const SmallRun run;
  const Session session = small_session(small_config(run, {"negatives={source: none}", "loss.name=clip", "train.max_steps=5"}));
  EXPECT_EQ(term_names(session), (std::vector<std::string>{"clip_loss"}));
  EXPECT_FALSE(session.learner.needs.tokens);
  EXPECT_EQ(session.total_steps, 5);
}

TEST(Session, OfLoraOnlyItsPartIsTrainedAveragedAndWritten) {
  const SmallRun run;
  const Session session = small_session(small_config(run, {"model.lora.rank=2", "train.ema_decay=0.5"}));
  ASSERT_TRUE(session.lora);
  EXPECT_STREQ(session.to_save().weights_file(), kLoraFile);
  for (const auto& name : optimized(session)) EXPECT_NE(name.find("lora_"), std::string::npos) << name;
  ASSERT_TRUE(session.average);
  EXPECT_EQ(session.average->state().size(), optimized(session).size());
}

TEST(Session, SizesAreForced) {
  const SmallRun run;
  const Session session = small_session(small_config(run, {"model.force_image_size=48", "model.force_context_length=16"}));
  EXPECT_EQ(session.learner.model->arch().vision.image_size, 48);
  EXPECT_EQ(session.learner.model->arch().text.context_length, 16);
  EXPECT_EQ(session.identity.preprocess.size, 48);
  test::expect_error([&] { small_session(small_config(run, {"model.force_image_size=40"})); }, ExitCode::kUsage,
                     {"not a multiple of the patch size 16"});
}

TEST(Session, ALossThatTheModelCannotHaveIsRefused) {
  const SmallRun run;
  test::expect_error([&] { small_session(small_config(run, {"loss.name=siglip"})); }, ExitCode::kUsage,
                     {"needs a model with a logit_bias"});
}

/// A checkpoint of a run that began from a model which is gone by then.
TEST(Session, OfACheckpointNeedsNothingOfTheStart) {
  const SmallRun run;
  const RunConfig first = small_config(run, {"output.dir=" + (run / "first").string()});
  Session start = small_session(first);
  fs::create_directories(run / "start");
  write_model(run / "start", start.to_save());
  for (const bool resized : {false, true}) {
    std::vector<std::string> settings = {"model.pretrained=" + (run / "start").string(),
                                         "output.dir=" + (run / (resized ? "b" : "a")).string()};
    if (resized) settings.insert(settings.end(), {"model.force_image_size=48", "model.force_context_length=16"});
    const RunConfig config = small_config(run, settings);
    Session before = small_session(config);
    Store(config, before, nullptr).save({.step = 3, .data = {.batch = 3}});
    const fs::path checkpoint = fs::path(config.output.dir) / "checkpoints/step_3";
    fs::rename(run / "start", run / "away");
    const test::Heard heard;
    Session after = small_session(config, checkpoint);
    fs::rename(run / "away", run / "start");
    EXPECT_NE(heard.text().find(": weights from " + checkpoint.string()), std::string::npos) << heard.text();
    EXPECT_EQ(heard.text().find("position embedding"), std::string::npos) << "interpolated twice: " << heard.text();
    EXPECT_TRUE(after.learner.model->arch() == before.learner.model->arch());
    EXPECT_TRUE(after.identity.preprocess == before.identity.preprocess);
    EXPECT_EQ(optimized(after), optimized(before));
    restore_weights(after, checkpoint);
    EXPECT_TRUE(test::equal(test::weights_of(after), test::weights_of(before)));
  }
}

TEST(Session, OfACheckpointOfAnotherArchitectureIsRefused) {
  const SmallRun run;
  const RunConfig config = small_config(run);
  Session session = small_session(config);
  Store(config, session, nullptr).save({.step = 3, .data = {.batch = 3}});
  run.write("model.json", R"({"embed_dim": 32,
 "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
 "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}, "quick_gelu": true})");
  test::expect_error([&] { small_session(config, run.run() / "checkpoints/step_3"); }, ExitCode::kUsage,
                     {"embed_dim 16 against 32"});
}

}  // namespace
}  // namespace fsc
