// Memory that runs out is a message of its own: not a bug, and no reason to leave samples out.
#include <filesystem>

#include "apps/run_support.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::SmallRun;
using test::train;

constexpr rlim_t kGigabyte = rlim_t{1} << 30;

/// A model of few weights and large photos: 48 MB each.
class LargePhotos : public SmallRun {
 public:
  LargePhotos() {
    write("model.json", R"({"embed_dim": 16,
 "vision_cfg": {"image_size": 2048, "layers": 1, "width": 32, "head_width": 16, "patch_size": 256},
 "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}, "quick_gelu": true})");
  }
};

void expect_out_of_memory(const Ended& ended, const std::string& advice) {
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find(": out of memory: "), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find(advice), std::string::npos) << ended.output;
  for (const char* never : {"internal error", "cannot be read", "cannot read the image", "damaged"})
    EXPECT_EQ(ended.output.find(never), std::string::npos) << never << " in: " << ended.output;
}

/// AddressSanitizer maps more than any limit before a program begins.
bool limits_work() {
#if defined(__SANITIZE_ADDRESS__)
  return false;
#else
  return true;
#endif
}

TEST(OutOfMemory, InTheLoaderIsNoBrokenImage) {
  if (!limits_work()) GTEST_SKIP() << "no limit of memory under AddressSanitizer";
  const LargePhotos run;
  const Ended ended = test::run_program(
      "fsc-train", train(run, {"--set", "train.batch_size=24", "--set", "data.max_bad_samples=1", "--set", "data.workers=4"}),
      {.memory = 5 * kGigabyte / 2});
  expect_out_of_memory(ended, "lower train.batch_size (train.accum_freq keeps the step's size), set train.grad_checkpointing");
  EXPECT_FALSE(fs::exists(run.run() / "bad_samples.txt"));
}

TEST(OutOfMemory, WhileScoringIsNoBrokenImage) {
  if (!limits_work()) GTEST_SKIP() << "no limit of memory under AddressSanitizer";
  const LargePhotos run;
  const Ended trained = test::run_program(
      "fsc-train", train(run, {"--set", "train.max_steps=1", "--set", "train.batch_size=1", "--set", "data.prefetch=1"}));
  ASSERT_EQ(trained.code, 0) << trained.output;
  for (int i = 0; i < 6; ++i) {
    const fs::path folder = run / ("world/images/" + std::to_string(i));
    fs::create_directories(folder);
    for (int copy = 0; copy < 8; ++copy)
      fs::copy_file(SmallRun::image(i), folder / (std::to_string(copy) + fs::path(SmallRun::image(i)).extension().string()));
  }
  const std::string root = (run / "world").string();
  run.write("world/classnames.txt", "cube\nball\ndog\ncat\nbus\ntree\n");
  run.write("world/templates.txt", "a photo of a {}\n");
  run.write("suite.yaml", "batch_size: 48\ntasks:\n  - {name: zeroshot, root: " + root + "/images, classnames: " + root +
                              "/classnames.txt, templates: " + root + "/templates.txt}\n");
  const Ended ended =
      test::run_program("fsc-eval", {"--checkpoint", run.run(), "--config", run / "suite.yaml"}, {.memory = 5 * kGigabyte / 2});
  expect_out_of_memory(ended, "lower the suite's batch_size");
}

}  // namespace
}  // namespace fsc
