// What users get wrong: each with its exit code and a message that names the culprit. Nothing may end in a raw exception
// text, a signal or silence.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::SmallRun;

Ended run_train(const SmallRun& run, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--config", run / "config.yaml"});
  return test::run_program("fsc-train", more);
}

std::string with(const std::string& text, const std::string& from, const std::string& to) {
  std::string copy = text;
  const size_t at = copy.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return copy.replace(at, from.size(), to);
}

/// A safetensors file with this header.
std::string safetensors(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\0');
}

class BadInput : public testing::Test {
 protected:
  std::string config() const { return test::read_all(run_ / "config.yaml"); }
  SmallRun run_;
};

// --- command line and config: exit code 2 ---

TEST_F(BadInput, CommandLine) {
  EXPECT_EQ(test::run_program("fsc-train", {}).code, 2);
  EXPECT_EQ(test::run_program("fsc-train", {"--config"}).code, 2);
  EXPECT_EQ(run_train(run_, {"--no-such-option"}).code, 2);
  test::expect_ended(test::run_program("fsc-train", {"--config", run_ / "nowhere.yaml"}), 2, {"nowhere.yaml"});
  test::expect_ended(test::run_program("fsc-train", {"--config", run_.path()}), 2, {run_.path()});
}

TEST_F(BadInput, UnknownKey) {
  run_.write("config.yaml", config() + "optimm: {lr: 1}\n");
  test::expect_ended(run_train(run_), 2, {"config.yaml:", "optimm", "optim"});
}

TEST_F(BadInput, WrongTypeAndOutOfRangeTogether) {
  run_.write("config.yaml", with(with(config(), "lr: 0.001", "lr: fast"), "epochs: 2", "epochs: 0"));
  test::expect_ended(run_train(run_), 2, {"config.yaml:6", "optim.lr", "fast", "config.yaml:7", "train.epochs"});
}

TEST_F(BadInput, YamlThatDoesNotParse) {
  run_.write("config.yaml", config() + "train: {epochs: [1\n");
  test::expect_ended(run_train(run_), 2, {"config.yaml:"});
}

TEST_F(BadInput, Overrides) {
  test::expect_ended(run_train(run_, {"--set", "train.batch_size=many"}), 2, {"train.batch_size", "--set", "many"});
  test::expect_ended(run_train(run_, {"--set", "train.batchsize=8"}), 2, {"train.batchsize", "train.batch_size"});
  test::expect_ended(run_train(run_, {"--set", "nonsense"}), 2, {"nonsense", "="});
}

TEST_F(BadInput, FscWithoutNegatives) {
  test::expect_ended(run_train(run_, {"--set", "negatives.source=none"}), 2, {"negatives.source", "loss.name"});
}

TEST_F(BadInput, GeneratorsThatDoNotExist) {
  test::expect_ended(run_train(run_, {"--set", "negatives.source=generate", "--set", "negatives.kinds=[spaw]"}), 2,
                     {"negatives.kinds", "swap", "replace", "shuffle", "svlc"});
  EXPECT_EQ(
      run_train(run_, {"--set", "negatives.source=generate", "--set", "negatives.kinds=[shuffle]", "--set", "train.max_steps=1"})
          .code,
      0);
}

TEST_F(BadInput, UnknownArchitecture) {
  test::expect_ended(run_train(run_, {"--set", "model.arch=ViT-B-23"}), 2, {"ViT-B-23", "ViT-B-32"});
  test::expect_ended(run_train(run_, {"--set", "model.arch=" + (run_ / "none.json").string()}), 2, {"none.json"});
}

TEST_F(BadInput, PrecisionOfAnotherDevice) {
  test::expect_ended(run_train(run_, {"--set", "train.precision=amp", "--set", "train.device=cpu"}), 2,
                     {"train.precision", "amp_bf16"});
}

// --- tables ---

TEST_F(BadInput, MissingTable) {
  fs::remove(run_ / "train.tsv");
  test::expect_ended(run_train(run_), 1, {"train.tsv"});
}

TEST_F(BadInput, MissingColumns) {
  run_.write("train.tsv", with(SmallRun::table(), "title", "caption"));
  test::expect_ended(run_train(run_), 1, {"train.tsv", "title", "caption", "filepath", "neg_caption"});
  run_.write("train.tsv", with(SmallRun::table(), "neg_caption", "negatives"));
  test::expect_ended(run_train(run_), 1, {"neg_caption", "negatives"});
}

TEST_F(BadInput, EmptyTables) {
  run_.write("train.tsv", "");
  test::expect_ended(run_train(run_), 1, {"train.tsv", "empty"});
  run_.write("train.tsv", "title\tfilepath\tneg_caption\n");
  test::expect_ended(run_train(run_), 1, {"train.tsv", "no rows"});
}

TEST_F(BadInput, RowsThatAreNone) {
  run_.write("train.tsv", SmallRun::table() + "only a caption\n");
  test::expect_ended(run_train(run_), 1, {"train.tsv:26"});
  run_.write("train.tsv", SmallRun::table() + "a caption\t" + SmallRun::image(0) + "\t[unclosed\n");
  test::expect_ended(run_train(run_), 1, {"train.tsv", "neg_caption"});
}

TEST_F(BadInput, AllImagesMissing) {
  std::string table = SmallRun::table();
  for (size_t at; (at = table.find(FSC_TEST_DATA)) != std::string::npos;)
    table.replace(at, std::strlen(FSC_TEST_DATA), "/nowhere");
  run_.write("train.tsv", table);
  test::expect_ended(run_train(run_), 1, {"none of the 24 images", "image_root"});
}

TEST_F(BadInput, TooManyBrokenImages) {
  const std::string broken = run_.write("broken.jpg", "no image at all");
  const std::string missing = run_ / "missing.jpg";
  run_.write("train.tsv", SmallRun::table() + "a\t" + broken + "\t[]\nb\t" + missing + "\t[]\n");
  test::expect_ended(run_train(run_), 1, {"data.max_bad_samples", "bad_samples.txt"});
  fs::remove_all(run_.run());
  const Ended ended = run_train(run_, {"--set", "data.max_bad_samples=0.1"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  const std::string named = test::read_all(run_.run() / "bad_samples.txt");
  EXPECT_NE(named.find(broken), std::string::npos) << named;
  EXPECT_NE(named.find(missing), std::string::npos) << named;
}

TEST_F(BadInput, BatchLargerThanTheData) {
  test::expect_ended(run_train(run_, {"--set", "train.batch_size=25"}), 1, {"train.batch_size", "25", "24"});
}

// --- weights ---

class BadWeights : public BadInput {
 protected:
  void expect(const std::string& bytes, const std::vector<std::string>& words, int code = 1) {
    const std::string file = run_.write("weights.safetensors", bytes);
    auto all = words;
    all.push_back("weights.safetensors");
    test::expect_ended(run_train(run_, {"--set", "model.pretrained=" + file}), code, all);
    EXPECT_FALSE(fs::exists(run_.run() / "checkpoints"));
    fs::remove_all(run_.run());
  }
};

TEST_F(BadWeights, Absurd) {
  expect("", {});
  expect("short", {});
  std::string huge(16, '\0');
  const uint64_t length = uint64_t{1} << 40;
  std::memcpy(huge.data(), &length, 8);
  expect(huge, {});
  expect(safetensors("not json", 0), {});
  expect(
      safetensors(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
      {});
  expect(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", 8), {"a"});
  expect(safetensors(R"({"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,8]}})", 8), {"a"});
  expect(safetensors(R"({"a":{"dtype":"F12","shape":[2],"data_offsets":[0,8]}})", 8), {"F12"});
  expect(safetensors(R"({"logit_scale":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 2), {});  // truncated
}

TEST_F(BadWeights, OfAnotherModel) {
  expect(safetensors(R"({"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
         {"no CLIP or SigLIP model", "a.weight"});
  expect(safetensors(R"({"visual.proj":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), {"visual.proj"});
  ASSERT_EQ(run_train(run_, {"--set", "train.max_steps=1"}).code, 0);
  const std::string model = test::read_all(run_.run() / "model.safetensors");
  fs::remove_all(run_.run());
  run_.write("model.json", with(test::read_all(run_ / "model.json"), "\"embed_dim\": 16", "\"embed_dim\": 8"));
  expect(model, {"contradicts", "embed_dim 16 against 8", "model.arch"}, 2);
}

TEST_F(BadWeights, WithNaN) {
  ASSERT_EQ(run_train(run_, {"--set", "train.max_steps=1"}).code, 0);
  std::string model = test::read_all(run_.run() / "model.safetensors");
  fs::remove_all(run_.run());
  std::memset(model.data() + model.size() - 4, 0xFF, 4);
  expect(model, {"NaN"});
}

TEST_F(BadWeights, OtherKindsOfFiles) {
  const std::string pickle = run_.write("weights.pt", std::string("\x80\x02}q\x00.", 6));
  test::expect_ended(run_train(run_, {"--set", "model.pretrained=" + pickle}), 1,
                     {"weights.pt", "before PyTorch 1.6", "torch.save"});
  test::expect_ended(run_train(run_, {"--set", "model.pretrained=" + (run_ / "nowhere").string()}), 1, {"nowhere"});
  fs::create_directories(run_ / "empty");
  test::expect_ended(run_train(run_, {"--set", "model.pretrained=" + (run_ / "empty").string()}), 1, {"empty"});
}

// --- output ---

TEST_F(BadInput, OutputHoldsAnotherRun) {
  ASSERT_EQ(run_train(run_, {"--set", "train.max_steps=1"}).code, 0);
  test::expect_ended(run_train(run_), 1, {run_.run(), "--resume auto", "output.dir"});
}

TEST_F(BadInput, OutputCannotBeWritten) {
  run_.write("a_file", "");
  test::expect_ended(run_train(run_, {"--set", "output.dir=" + (run_ / "a_file").string()}), 1, {"a_file"});
  test::expect_ended(run_train(run_, {"--set", "output.dir=" + (run_ / "a_file/run").string()}), 1, {"a_file"});
  test::expect_ended(run_train(run_, {"--set", "output.dir=/proc/fsc_run"}), 1, {"/proc/fsc_run"});
}

TEST_F(BadInput, NothingToResume) { test::expect_ended(run_train(run_, {"--resume", run_ / "nowhere"}), 1, {"nowhere"}); }

// --- a run that goes wrong ---

TEST_F(BadInput, GradientsThatStayNaNStopTheRun) {
  const Ended ended = run_train(run_, {"--set", "optim.lr=1e30", "--set", "optim.warmup_steps=0", "--set",
                                       "optim.max_skipped_steps=3", "--set", "train.epochs=20"});
  test::expect_ended(ended, 1, {"not finite", "optim.max_skipped_steps", SmallRun::image(0)});
}

// --- what is no error ---

TEST_F(BadInput, DryRunWritesNothing) {
  const Ended ended = run_train(run_, {"--dry-run"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  for (const char* word : {"parameters", "12 in all", "memory", "disk"})
    EXPECT_NE(ended.output.find(word), std::string::npos) << ended.output;
  EXPECT_FALSE(fs::exists(run_.run()));
}

TEST_F(BadInput, HelpNamesEveryKey) {
  const Ended ended = test::run_program("fsc-train", {"--help"});
  EXPECT_EQ(ended.code, 0);
  for (const char* key : {"model.arch", "data.train.path", "data.augment", "negatives.source", "loss.local_hn_weight",
                          "optim.warmup_steps", "train.precision", "output.save_every_steps", "Exit codes"})
    EXPECT_NE(ended.output.find(key), std::string::npos) << key;
}

TEST_F(BadInput, RunFolderHoldsWhatItShould) {
  const Ended ended = run_train(run_);
  ASSERT_EQ(ended.code, 0) << ended.output;
  for (const char* name : {"config.yaml", "log.txt", "metrics.jsonl", "model.safetensors", "open_clip_config.json",
                           "loss_curve.png", "checkpoints/step_12"})
    EXPECT_TRUE(fs::exists(run_.run() / name)) << name;
  EXPECT_EQ(ended.output.find('\r'), std::string::npos) << "no progress line in a pipe";
  // The resolved config repeats the run.
  fs::rename(run_.run(), run_ / "first");
  ASSERT_EQ(test::run_program("fsc-train", {"--config", run_ / "first/config.yaml"}).code, 0);
  EXPECT_EQ(test::read_all(run_ / "first/model.safetensors") == test::read_all(run_.run() / "model.safetensors"), true);
}

}  // namespace
}  // namespace fsc
