// fsc-model wise-ft and soup, and fsc-eval's path, as programs.
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "fsc/weights/interpolate.h"
#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::run_program;

class Average : public testing::Test {
 protected:
  Average() {
    for (int i = 1; i <= 3; ++i) write("m" + std::to_string(i), files_ / "model.json", static_cast<uint64_t>(i));
    std::string arch = test::read_all((files_ / "model.json").string());
    arch.replace(arch.find("\"quick_gelu\": true"), 18, "\"quick_gelu\": false");
    write("gelu", files_.write("gelu.json", arch), 1);
    std::string table = "title\tfilepath\n";
    for (int i = 0; i < 6; ++i) table += "photo number " + std::to_string(i) + "\t" + test::SmallRun::image(i) + "\n";
    files_.write("suite.yaml", "tasks:\n  - {name: retrieval, path: " + files_.write("photos.tsv", table).string() + "}\n");
  }
  void write(const std::string& name, const fs::path& arch, uint64_t seed) {
    const auto config = ArchConfig::load(arch);
    ClipModel model(config);
    model->initialize(seed);
    fs::create_directories(files_ / name);
    write_model_files(files_ / name, {config, default_preprocess(config)}, *model);
  }
  std::string at(const std::string& name) const { return (files_ / name).string(); }
  StateDict weights(const std::string& name) const { return state_dict(*load_model(files_ / name).model); }
  static bool equal(const StateDict& a, const StateDict& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [name, tensor] : a.entries())
      if (!b.find(name) || !torch::equal(tensor, *b.find(name))) return false;
    return true;
  }
  test::SmallRun files_;
};

TEST_F(Average, WiseFtWritesTheInterpolation) {
  for (const std::string alpha : {"0", "0.3", "1"}) {
    const Ended ended = run_program("fsc-model", {"wise-ft", "--pretrained", at("m1"), "--finetuned", at("m2"), "--alpha", alpha,
                                                  "--output", at("out" + alpha)});
    ASSERT_EQ(ended.code, 0) << ended.output;
    EXPECT_TRUE(equal(weights("out" + alpha), interpolate(weights("m1"), weights("m2"), std::stod(alpha))));
  }
  EXPECT_TRUE(equal(weights("out0"), weights("m1")));
  EXPECT_TRUE(equal(weights("out1"), weights("m2")));
  const Ended info = run_program("fsc-model", {"info", at("out0.3")});
  EXPECT_NE(info.output.find("WiSE-FT, alpha 0.3 from " + at("m1") + " to " + at("m2")), std::string::npos) << info.output;
}

TEST_F(Average, WiseFtRefusesByName) {
  const auto refused = [&](const std::string& to, const std::string& alpha, const std::string& out, int code,
                           const std::string& part) {
    const Ended ended =
        run_program("fsc-model", {"wise-ft", "--pretrained", at("m1"), "--finetuned", at(to), "--alpha", alpha, "--output", out});
    EXPECT_EQ(ended.code, code) << ended.output;
    EXPECT_NE(ended.output.find(part), std::string::npos) << ended.output;
  };
  refused("m2", "1.5", at("no"), 2, "--extrapolate");
  refused("m2", "-1", at("no"), 2, "outside [0, 1]");
  refused("gelu", "0.5", at("no"), 1, "activations differ, quick_gelu and gelu");
  refused("m2", "0.5", at("m3"), 2, "exists already");
  refused("absent", "0.5", at("no"), 1, "absent");
  EXPECT_FALSE(fs::exists(files_ / "no"));
  const Ended beyond = run_program("fsc-model", {"wise-ft", "--pretrained", at("m1"), "--finetuned", at("m2"), "--alpha", "1.5",
                                                 "--extrapolate", "--output", at("beyond")});
  EXPECT_EQ(beyond.code, 0) << beyond.output;
  EXPECT_TRUE(equal(weights("beyond"), interpolate(weights("m1"), weights("m2"), 1.5)));
}

TEST_F(Average, UniformAndGreedySoup) {
  Ended ended = run_program("fsc-model", {"soup", at("m1"), at("m2"), at("m3"), "--output", at("soup")});
  ASSERT_EQ(ended.code, 0) << ended.output;
  Soup mean;
  for (const char* name : {"m1", "m2", "m3"}) mean.add(weights(name), name);
  EXPECT_TRUE(equal(weights("soup"), mean.mean()));
  ended = run_program("fsc-model",
                      {"soup", at("m1"), at("m1"), "--greedy", at("suite.yaml"), "--by", "retrieval", "--output", at("greedy")});
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("greedy soup of " + at("m1") + ", " + at("m1")), std::string::npos)
      << "the same model again does not lower the score" << ended.output;
  EXPECT_TRUE(equal(weights("greedy"), weights("m1")));
  ended = run_program("fsc-model", {"soup", at("m1"), at("gelu"), "--output", at("no")});
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find("activations differ"), std::string::npos) << ended.output;
  ended = run_program("fsc-model", {"soup", at("m1"), "--greedy", at("suite.yaml"), "--by", "taste", "--output", at("no")});
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_NE(ended.output.find("there are: average, retrieval"), std::string::npos) << ended.output;
}

TEST_F(Average, DevicesAndPrecisions) {
  const auto score = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--config", at("suite.yaml"), "--checkpoint", at("m2"), "--output", at("scores")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program("fsc-eval", arguments);
  };
  const auto first_line_has = [](const Ended& ended, const std::string& text) {
    EXPECT_EQ(ended.code, 0) << ended.output;
    EXPECT_NE(ended.output.substr(0, ended.output.find('\n')).find(text), std::string::npos) << ended.output;
  };
  first_line_has(score({"--device", "cpu"}), "device cpu, ");
  first_line_has(score({"--device", "cpu", "--precision", "amp_bf16", "--wise-ft-base", at("m1"), "--alphas", "0,1"}),
                 "amp_bf16");
  first_line_has(score({}), torch::cuda::is_available() ? "device cuda:0" : "no CUDA: ");
  EXPECT_EQ(score({"--device", "gpu"}).code, 2);
  EXPECT_EQ(score({"--device", "cpu", "--precision", "bf16"}).code, 2);
  EXPECT_EQ(score({"--device", "cpu", "--precision", "amp"}).code, 2);
  first_line_has(run_program("fsc-model", {"soup", at("m1"), at("m2"), "--greedy", at("suite.yaml"), "--device", "cpu",
                                           "--output", at("soup")}),
                 "device cpu, ");
  EXPECT_EQ(run_program("fsc-model", {"soup", at("m1"), "--device", "cpu", "--output", at("no")}).code, 2)
      << "nothing is computed there";
  if (torch::cuda::is_available()) return;
  const Ended refused = score({"--device", "cuda"});
  EXPECT_EQ(refused.code, 1) << refused.output;
  EXPECT_NE(refused.output.find("there is no CUDA here: "), std::string::npos) << refused.output;
  const Ended train = run_program("fsc-train", {"--config", at("config.yaml"), "--set", "train.device=cuda:1"});
  EXPECT_EQ(train.code, 1) << train.output;
  EXPECT_NE(train.output.find("train.device is cuda:1, but there is no CUDA here: "), std::string::npos) << train.output;
  EXPECT_EQ(run_program("fsc-train", {"--config", at("config.yaml"), "--set", "train.device=gpu"}).code, 2);
}

TEST_F(Average, EvalScoresThePath) {
  const std::vector<std::string> common = {"--config",     at("suite.yaml"), "--checkpoint", at("m2"),
                                           "--checkpoint", at("m3"),         "--output",     at("path")};
  auto arguments = common;
  arguments.insert(arguments.end(), {"--wise-ft-base", at("m1"), "--alphas", "0,0.5,...,1"});
  Ended ended = run_program("fsc-eval", arguments);
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("alpha 0.5"), std::string::npos);
  const std::string csv = test::read_all(at("path/results.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7) << csv;
  EXPECT_TRUE(fs::exists(files_ / "path/m3/alpha_0.5/results.json"));
  EXPECT_NE(ended.output.find("no picture"), std::string::npos) << "a suite of retrieval alone has no trade-off";
  arguments = common;
  arguments.insert(arguments.end(), {"--wise-ft-base", at("gelu")});
  EXPECT_EQ(run_program("fsc-eval", arguments).code, 1);
  arguments = common;
  arguments.insert(arguments.end(), {"--wise-ft-base", at("m1"), "--alphas", "0,2"});
  EXPECT_EQ(run_program("fsc-eval", arguments).code, 2);
  arguments = common;
  arguments.insert(arguments.end(), {"--alphas", "0,1"});
  EXPECT_EQ(run_program("fsc-eval", arguments).code, 2) << "alphas of what?";
}

}  // namespace
}  // namespace fsc
