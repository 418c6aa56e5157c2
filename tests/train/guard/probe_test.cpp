// The probe's suite: which it is, what is counted of it, and that scoring leaves no trace.
#include <gtest/gtest.h>

#include "fsc/core/rng.h"
#include "support/expect_error.h"
#include "train/guard/scripted_probe.h"

namespace fsc {
namespace {
using namespace detail;
using test::small_suite;
using test::SmallRun;

TEST(ProbeSuite, TheNamedOneGoesFirst) {
  const SmallRun run;
  GuardConfig config;
  std::vector<std::string> asked;
  const ProbeSuite otherwise = [&](const std::filesystem::path& folder) {
    asked.push_back(folder);
    return load_suite(small_suite(run));
  };
  config.suite = small_suite(run);
  EXPECT_EQ(suite_of_probe(config, "a run", otherwise).tasks.size(), 2u);
  EXPECT_TRUE(asked.empty());
  config.suite = "";
  EXPECT_EQ(suite_of_probe(config, "a run", otherwise).tasks.size(), 2u);
  EXPECT_EQ(asked, std::vector<std::string>{"a run"});
}

TEST(ProbeSuite, MustWeighGainAgainstLoss) {
  const SmallRun run;
  SuiteConfig both = load_suite(small_suite(run)), composition = both, retrieval = both;
  composition.tasks.pop_back();
  retrieval.tasks.erase(retrieval.tasks.begin());
  EXPECT_TRUE(has_composition(both) && has_forgettable(both));
  EXPECT_TRUE(has_composition(composition) && !has_forgettable(composition));
  EXPECT_TRUE(!has_composition(retrieval) && has_forgettable(retrieval));
  EXPECT_TRUE(!has_composition({}) && !has_forgettable({}));
  GuardConfig config;
  config.suite = run.write("one.yaml", "tasks:\n  - {name: retrieval, path: " + (run / "pairs.tsv").string() + "}\n");
  test::expect_error([&] { suite_of_probe(config, "", {}); }, ExitCode::kUsage, {"guard.suite", "no composition task"});
}

TEST(Probe, CountsAndIdentifiesItsItems) {
  const SmallRun run;
  const SuiteConfig suite = load_suite(small_suite(run));
  const Session session = test::small_session(test::small_config(run));
  const Probe all(suite, 0), again(suite, 0), cut(suite, 1);
  EXPECT_EQ(all.images(), 2);
  EXPECT_EQ(all.texts(), 4);
  EXPECT_EQ(cut.images(), 1);
  EXPECT_EQ(all.fingerprint(), again.fingerprint());
  EXPECT_NE(all.fingerprint(), cut.fingerprint());
  // "a red cube", "a cube red", "two dogs", "two cats" between their two marks.
  EXPECT_EQ(all.tokens(*session.tokenizer, 24), 5 + 5 + 4 + 4);
}

TEST(Probe, ScoringLeavesNoTrace) {
  const SmallRun run;
  const Session session = test::small_session(test::small_config(run));
  const Probe probe(load_suite(small_suite(run)), 0);
  const StateDict before = test::weights_of(session);
  const torch::Tensor random = at::globalContext().defaultGenerator(torch::kCPU).get_state();
  const auto score = [&] {
    return probe.score({session.identity, session.learner.model}, *session.tokenizer, session.learner.precision);
  };
  const Outcomes first = score(), second = score();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].kind, TaskKind::kComposition);
  EXPECT_EQ(first[1].kind, TaskKind::kRetrieval);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(first[i].correct, second[i].correct);
  EXPECT_TRUE(session.learner.model->is_training());
  EXPECT_TRUE(test::equal(test::weights_of(session), before));
  EXPECT_TRUE(torch::equal(at::globalContext().defaultGenerator(torch::kCPU).get_state(), random));
}

}  // namespace
}  // namespace fsc
