// Another image size or context length than the pretrained model's: interpolated or cut, said in the log, kept over a resume.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fsc/io/safetensors.h"
#include "fsc/model/context_length.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::read_all;
using test::SmallRun;

Ended train_into(const SmallRun& run, const std::string& out, std::vector<std::string> more) {
  std::vector<std::string> arguments = {"--config", run / "config.yaml", "--set", "output.dir=" + (run / out).string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return test::run_program("fsc-train", arguments);
}

TEST(Resized, TrainsAtAnotherSizeAndContext) {
  const SmallRun run;
  ASSERT_EQ(train_into(run, "base", {"--set", "train.max_steps=2"}).code, 0);
  const std::vector<std::string> resized = {"--set", "model.pretrained=" + (run / "base").string(),
                                            "--set", "model.force_image_size=48",
                                            "--set", "model.force_context_length=16",
                                            "--set", "train.max_steps=4"};
  const Ended ended = train_into(run, "whole", resized);
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("image position embedding interpolated from a 2x2 to a 3x3 grid"), std::string::npos)
      << ended.output;
  EXPECT_NE(ended.output.find("text position embedding cut from 24 to its first 16 positions"), std::string::npos)
      << ended.output;
  const StateDict weights = read_safetensors(run / "whole/model.safetensors");
  EXPECT_EQ(weights.find("visual.positional_embedding")->size(0), 10);
  EXPECT_EQ(weights.find("positional_embedding")->size(0), 16);
  const auto config = nlohmann::json::parse(read_all(run / "whole/open_clip_config.json"));
  EXPECT_EQ(config["model_cfg"]["vision_cfg"]["image_size"], 48);
  EXPECT_EQ(config["model_cfg"]["text_cfg"]["context_length"], 16);

  // A checkpoint of the resized model is gone on with as it is; nothing is interpolated or cut twice.
  fs::copy(run / "whole", run / "again", fs::copy_options::recursive);
  fs::remove_all(run / "again/checkpoints/step_4");
  fs::remove(run / "again/model.safetensors");
  auto more = resized;
  more.insert(more.end(), {"--resume", "auto"});
  const Ended resumed = train_into(run, "again", more);
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_EQ(resumed.output.find("position embedding"), std::string::npos) << resumed.output;
  EXPECT_TRUE(read_all(run / "again/model.safetensors") == read_all(run / "whole/model.safetensors"));
}

TEST(Resized, LoraOfAnotherContextKnowsItsBaseAndAveragesWithIt) {
  const SmallRun run;
  ASSERT_EQ(train_into(run, "base", {"--set", "train.max_steps=1"}).code, 0);
  for (const std::string length : {"16", "30"}) {
    const Ended ended = train_into(run, "lora" + length,
                                   {"--set", "model.pretrained=" + (run / "base").string(), "--set", "model.lora.rank=2", "--set",
                                    "model.force_context_length=" + length, "--set", "train.max_steps=1"});
    ASSERT_EQ(ended.code, 0) << ended.output;
    const Ended mixed =
        test::run_program("fsc-model", {"wise-ft", "--pretrained", run / "base", "--finetuned", run / ("lora" + length),
                                        "--alpha", "0", "--output", run / ("out" + length)});
    ASSERT_EQ(mixed.code, 0) << mixed.output;
    const StateDict base = read_safetensors(run / "base/model.safetensors"),
                    out = read_safetensors(run / ("out" + length + "/model.safetensors"));
    std::vector<std::string> notes;
    const StateDict want = with_context_length(base, std::stoll(length), notes);
    for (const auto& [name, tensor] : want.entries()) EXPECT_TRUE(torch::equal(*out.find(name), tensor)) << length << " " << name;
  }
}

TEST(Resized, ASizeThatThePatchesDoNotFillIsRefused) {
  const SmallRun run;
  const Ended ended = train_into(run, "run", {"--set", "model.force_image_size=40"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.output.find("not a multiple of the patch size 16"), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace fsc
