// A whole suite on a tiny model: decisions against straightforward computations, and the program itself.
#include "fsc/eval/evaluate.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "eval/suite_folder.h"
#include "fsc/core/atomic_file.h"
#include "fsc/image/decode.h"
#include "fsc/io/safetensors.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempDir;

const std::vector<std::string>& kSuitePhotos = test::suite_photos();

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() { test::write_suite_folder(dir_); }

  /// Cosine computed for one image and one text alone, padded to the whole context.
  double cosine(LoadedModel& loaded, const fs::path& image, const std::string& text) {
    torch::NoGradGuard no_graph;
    const auto ids = test::clip_tokenizer().encode(text, 77);
    const torch::Tensor a =
        loaded.model->encode_images(eval_transform(decode_image_file(image), loaded.preprocess).unsqueeze(0)).features_BD;
    return a.mul(loaded.model->encode_texts(make_text_rows({&ids}, {})).features_RD).sum().item<double>();
  }

  /// Exit code of fsc-eval; what it prints goes to `output_`.
  int program(const std::string& arguments) {
    const std::string command =
        "cd " + dir_.path().string() + " && " FSC_BIN_DIR "/fsc-eval " + arguments + " > printed.txt 2>&1";
    const int status = std::system(command.c_str());
    output_ = read_file(dir_ / "printed.txt");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool printed(const std::string& text) const { return output_.find(text) != std::string::npos; }

  TempDir dir_;
  std::string output_;
};

TEST_F(EvaluateTest, DecisionsEqualPlainComputation) {
  LoadedModel loaded = load_model(dir_ / "run1");
  const EvalResult result = evaluate(loaded, load_suite(dir_ / "suite.yaml"), test::clip_tokenizer(), "run1");
  ASSERT_EQ(result.tasks.size(), 4u);
  EXPECT_EQ(result.tasks[1].label, "one");
  ASSERT_EQ(result.tasks[0].outcomes.size(), 42u);
  int decided = 0;
  for (size_t i = 0; i < 6; ++i) {
    const auto& outcome = result.tasks[1].outcomes[i];
    const std::string number = std::to_string(i);
    const double truth = cosine(loaded, dir_ / ("images/" + kSuitePhotos[i]), "a photo number " + number);
    const double foil = cosine(loaded, dir_ / ("images/" + kSuitePhotos[i]), i ? "photo a number " + number : "a photo number 0");
    EXPECT_NEAR(outcome.scores[0], truth, 2e-6);
    EXPECT_NEAR(outcome.scores[1], foil, 2e-6);
    if (i == 0 || std::abs(truth - foil) > 1e-5) {
      EXPECT_EQ(outcome.correct, i > 0 && truth > foil);
      ++decided;
    }
  }
  EXPECT_GE(decided, 4) << "the others are too close to call";
  EXPECT_EQ(result.tasks[3].outcomes.size(), 6u + 12u);
  ASSERT_EQ(result.averages.size(), 3u);
  EXPECT_EQ(result.averages[0].first, "composition");
  EXPECT_DOUBLE_EQ(result.averages[0].second, (result.tasks[0].total.score + result.tasks[1].total.score) / 2);
  EXPECT_DOUBLE_EQ(result.averages[1].second, result.tasks[2].total.score);
  EXPECT_DOUBLE_EQ(result.averages[2].second, result.tasks[3].total.score);
}

TEST_F(EvaluateTest, EachDistinctInputOnce) {
  const PreparedSuite suite(load_suite(dir_ / "suite.yaml"));
  EXPECT_EQ(suite.inputs().images().size(), 12u);                // images/ and zs/ are different paths
  EXPECT_EQ(suite.inputs().texts().size(), 6u + 6u + 6u + 12u);  // captions, negatives, prompts, the table's captions
}

TEST_F(EvaluateTest, ProgramComparesModels) {
  if (!fs::exists(FSC_BIN_DIR "/fsc-eval")) GTEST_SKIP() << "fsc-eval is not built";
  ASSERT_EQ(program("--checkpoint run1 --checkpoint run2 --config suite.yaml --output out"), 0) << output_;
  for (const char* file :
       {"out/results.csv", "out/run1/results.json", "out/run2/results.json", "out/run2/predictions/zeroshot.jsonl"})
    EXPECT_TRUE(fs::exists(dir_ / file)) << file;
  EXPECT_FALSE(fs::exists(dir_ / "out/results.json"));
  std::istringstream csv(read_file(dir_ / "out/results.csv"));
  std::string header, row;
  std::getline(csv, header);
  EXPECT_EQ(header, "model,sugarcrepe,one,zeroshot,retrieval");
  std::getline(csv, row);
  const json first = json::parse(read_file(dir_ / "out/run1/results.json"));
  EXPECT_EQ(row.substr(0, 5), "run1,");
  EXPECT_DOUBLE_EQ(std::stod(row.substr(5)), first["tasks"]["sugarcrepe"]["score"].get<double>());
  for (const char* text : {"95% interval", "chance", "score % by model", "run2"})
    EXPECT_TRUE(printed(text)) << text << " not in " << output_;

  ASSERT_EQ(program("--checkpoint run1 --config suite.yaml --tasks one,zeroshot"), 0) << output_;
  const json second = json::parse(read_file(dir_ / "run1/eval/results.json"));
  EXPECT_EQ(second["tasks"].size(), 2u);
  EXPECT_EQ(second["tasks"]["one"], first["tasks"]["one"]);
  EXPECT_TRUE(fs::exists(dir_ / "run1/eval/results.csv"));

  StateDict bare = read_safetensors(dir_ / "run1" / kModelFile);
  bare.metadata.clear();  // nothing says the activation any more
  write_safetensors(dir_ / "bare.safetensors", bare);
  dir_.write("tiny.json", test::tiny_arch().to_json());
  ASSERT_EQ(program("--checkpoint bare.safetensors --arch ./tiny.json --config suite.yaml --tasks one"), 0) << output_;
  EXPECT_EQ(json::parse(read_file(dir_ / "eval/results.json"))["tasks"]["one"], first["tasks"]["one"]);
}

TEST_F(EvaluateTest, ProgramExitCodes) {
  if (!fs::exists(FSC_BIN_DIR "/fsc-eval")) GTEST_SKIP() << "fsc-eval is not built";
  EXPECT_EQ(program("--help"), 0);
  for (const char* text : {"--checkpoint", "batch_size", "caption_column", "caption_choice"}) EXPECT_TRUE(printed(text)) << text;
  EXPECT_EQ(program(""), 2);
  EXPECT_EQ(program("--checkpoint run1 --config suite.yaml --no-such-option"), 2);
  EXPECT_EQ(program("--checkpoint run1 --config absent.yaml"), 2);
  EXPECT_TRUE(printed("absent.yaml"));
  EXPECT_EQ(program("--checkpoint run1 --config suite.yaml --tasks retreival"), 2);
  EXPECT_TRUE(printed("did you mean retrieval?"));
  EXPECT_EQ(program("--checkpoint run1 --config suite.yaml --set batch_size=0"), 2);
  EXPECT_EQ(program("--checkpoint run1 --checkpoint ./run1 --config suite.yaml"), 2);
  EXPECT_TRUE(printed("given twice"));
  EXPECT_EQ(program("--checkpoint run1 --checkpoint gone --config suite.yaml"), 1);
  EXPECT_TRUE(printed("gone"));
  EXPECT_FALSE(fs::exists(dir_ / "eval"));  // nothing was begun
  StateDict bare = read_safetensors(dir_ / "run1" / kModelFile);
  bare.metadata.clear();  // nothing says the activation any more
  write_safetensors(dir_ / "bare.safetensors", bare);
  EXPECT_EQ(program("--checkpoint bare.safetensors --config suite.yaml"), 2);
  EXPECT_TRUE(printed("--arch"));
  dir_.write("file", "");
  EXPECT_EQ(program("--checkpoint run1 --config suite.yaml --output file/out"), 1);
  EXPECT_TRUE(printed("file/out"));
  fs::remove(dir_ / "images/tall.jpg");
  EXPECT_EQ(program("--checkpoint run1 --config suite.yaml"), 1);
  EXPECT_TRUE(printed("tall.jpg does not exist"));
}

}  // namespace
}  // namespace fsc
