// Lists of alphas, and the path's ends against the models themselves.
#include "fsc/eval/wise_ft_path.h"

#include <nlohmann/json.hpp>

#include "eval_support.h"
#include "fsc/model/context_length.h"
#include "support/golden.h"

namespace fsc {
namespace {

TEST(Alphas, ListsAndDots) {
  EXPECT_EQ(parse_alphas("0,0.25,1", false), (std::vector<double>{0, 0.25, 1}));
  EXPECT_EQ(parse_alphas("0.5", false), (std::vector<double>{0.5}));
  EXPECT_EQ(parse_alphas("0,0.1,...,1", false), (std::vector<double>{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}));
  EXPECT_EQ(parse_alphas("0, 0.5, …, 2", true), (std::vector<double>{0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(parse_alphas("1,0.75,...,0", false), (std::vector<double>{1, 0.75, 0.5, 0.25, 0}));
}

TEST(Alphas, MistakesAreNamed) {
  const std::vector<std::pair<const char*, const char*>> cases = {{"", "is no number"},         {"0,x", "'x'"},
                                                                  {"0,,1", "is no number"},     {"...,1", "the dots"},
                                                                  {"0,...,1", "the dots"},      {"0,0.1,...", "the dots"},
                                                                  {"0,0.3,...,1", "the dots"},  {"0,0,...,1", "the dots"},
                                                                  {"0,0.1,...,-1", "the dots"}, {"0,1e-9,...,1", "the dots"},
                                                                  {"0,1.5", "outside"},         {"0.5,0.5", "twice"},
                                                                  {"nan", "not a number"}};
  for (const auto& [text, part] : cases)
    test::expect_error([text = text] { parse_alphas(text, false); }, ExitCode::kUsage, {"--alphas", part});
}

class PathTest : public testing::Test {
 protected:
  PathTest() {
    nlohmann::ordered_json pairs;
    const char* names[] = {"rgb.png", "rgb420.jpg", "grey.jpg", "lossy.webp"};
    std::string table = "title\tfilepath\n";
    for (int i = 0; i < 4; ++i) {
      pairs[std::to_string(i)] = {{"filename", names[i]},
                                  {"caption", "picture " + std::to_string(i)},
                                  {"negative_caption", std::to_string(i) + " picture"}};
      table += "a photo " + std::to_string(i) + "\t" + test::photo(names[i]).string() + "\n";
    }
    dir_.write("pairs.json", pairs.dump());
    dir_.write("table.tsv", table);
    suite_.tasks.resize(2);
    suite_.tasks[0].name = "caption_choice";
    suite_.tasks[0].source.path = dir_ / "pairs.json";
    suite_.tasks[0].images = {{"", test::photo("").string()}};
    suite_.tasks[1].name = "retrieval";
    suite_.tasks[1].source.path = dir_ / "table.tsv";
  }
  test::TempDir dir_;
  SuiteConfig suite_;
};

std::vector<float> all_scores(const EvalResult& result) {
  std::vector<float> all;
  for (const auto& task : result.tasks)
    for (const auto& outcome : task.outcomes) all.insert(all.end(), outcome.scores.begin(), outcome.scores.end());
  return all;
}

TEST_F(PathTest, EndsAreTheModelsThemselvesAlsoFromCachedPixels) {
  LoadedModel base = test::tiny_model(1), tuned = test::tiny_model(2);
  PreparedSuite suite(suite_);
  const EvalResult from = suite.run(base, test::clip_tokenizer(), "base"), to = suite.run(tuned, test::clip_tokenizer(), "tuned");
  suite.keep_pixels(3 * 32 * 32 * 4 * 2 + 5);  // room for two of the four images
  const WiseFtPath path = evaluate_path(suite, {"base", &base}, {"tuned", &tuned}, {0, 0.5, 1}, test::clip_tokenizer());
  ASSERT_EQ(path.points.size(), 3u);
  EXPECT_EQ(all_scores(path.points[0].result), all_scores(from));
  EXPECT_EQ(all_scores(path.points[2].result), all_scores(to));
  EXPECT_NE(all_scores(path.points[1].result), all_scores(from));
  EXPECT_EQ(path.points[1].result.model, "tuned alpha 0.5");
}

TEST_F(PathTest, ABaseOfALongerContextIsCut) {
  LoadedModel base = test::tiny_model(1), tuned = test::tiny_model(2);
  ArchConfig shorter = tuned.model->arch();
  shorter.text.context_length = 8;
  std::vector<std::string> notes;
  const auto cut = [&](LoadedModel& model) {
    const StateDict state = with_context_length(state_dict(*model.model), 8, notes);
    LoadedModel made = model;
    made.arch = shorter;
    made.model = ClipModel(shorter);
    load_state(*made.model, state, "cut");
    return made;
  };
  LoadedModel start = cut(base), end = cut(tuned);
  PreparedSuite suite(suite_);
  const WiseFtPath path = evaluate_path(suite, {"base", &base}, {"tuned", &end}, {0, 1}, test::clip_tokenizer());
  EXPECT_EQ(all_scores(path.points[0].result), all_scores(suite.run(start, test::clip_tokenizer(), "start")));
  EXPECT_EQ(all_scores(path.points[1].result), all_scores(suite.run(end, test::clip_tokenizer(), "end")));
}

TEST_F(PathTest, UnlikeModelsAreRefusedBeforeAnythingIsScored) {
  LoadedModel base = test::tiny_model(1);
  ArchConfig arch = test::tiny_arch();
  arch.quick_gelu = true;
  LoadedModel quick{{arch, default_preprocess(arch)}, ClipModel(arch)};
  const PreparedSuite suite(suite_);
  test::expect_error(
      [&] {
        evaluate_path(suite, {"base", &base}, {"quick", &quick}, {0.5}, test::clip_tokenizer());
      },
      ExitCode::kFailed, {"base and quick", "activations"});
}

TEST_F(PathTest, AThinnedSuiteKeepsAnEvenSpreadAndOnlyItsInputs) {
  EXPECT_EQ(spread_indices(10, 4), (std::vector<size_t>{0, 2, 5, 7}));
  EXPECT_EQ(spread_indices(3, 9), (std::vector<size_t>{0, 1, 2}));
  LoadedModel model = test::tiny_model(1);
  const PreparedSuite whole(suite_), half(suite_, 2), all(suite_, 100);
  EXPECT_EQ(whole.inputs().images().size(), 4u);
  EXPECT_EQ(half.inputs().images().size(), 2u);
  EXPECT_EQ(half.inputs().texts().size(), 6u);
  const EvalResult few = half.run(model, test::clip_tokenizer(), ""), many = whole.run(model, test::clip_tokenizer(), "");
  ASSERT_EQ(few.tasks[0].outcomes.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {  // items 0 and 2, with the scores they have in the whole
    EXPECT_EQ(few.tasks[0].outcomes[i].id, many.tasks[0].outcomes[2 * i].id);
    EXPECT_NEAR(few.tasks[0].outcomes[i].scores[0], many.tasks[0].outcomes[2 * i].scores[0], 1e-6);
  }
  EXPECT_EQ(few.tasks[1].outcomes.size(), 4u) << "two images, two captions";
  EXPECT_EQ(all_scores(all.run(model, test::clip_tokenizer(), "")), all_scores(many));
}

TEST_F(PathTest, ScoreByKindTaskOrAverage) {
  const EvalResult result{"m", {}, {{"composition", 60}, {"retrieval", 30}}};
  EXPECT_DOUBLE_EQ(score_by(result, "average", "--by"), 45);
  EXPECT_DOUBLE_EQ(score_by(result, "retrieval", "--by"), 30);
  test::expect_error([&] { score_by(result, "zeroshot", "--by"); }, ExitCode::kUsage,
                     {"--by", "'zeroshot'", "average, composition, retrieval"});
}

}  // namespace
}  // namespace fsc
