// A training run that takes a second: tiny architecture, a table over the test images, a config.
#pragma once
#include <filesystem>
#include <string>

#include "support/temp_dir.h"

namespace fsc::test {

/// A folder with model.json, train.tsv (24 rows, a column of negatives, some of them missing) and config.yaml. Six steps an
/// epoch of four images, two epochs; everything that is random is on.
class SmallRun {
 public:
  SmallRun() {
    dir_.write("model.json", R"({"embed_dim": 16,
 "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
 "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}, "quick_gelu": true})");
    dir_.write("train.tsv", table());
    dir_.write("config.yaml", config());
  }

  const std::filesystem::path& path() const { return dir_.path(); }
  std::filesystem::path operator/(const std::string& name) const { return dir_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& text) const { return dir_.write(name, text); }
  std::filesystem::path run() const { return dir_ / "run"; }

  static std::string image(int i) {
    static const char* names[] = {"rgb420.jpg", "rgb.png", "lossy.webp", "grey.jpg", "cmyk.jpg", "palette.png"};
    return std::string(FSC_TEST_DATA "/images/") + names[i % 6];
  }
  static std::string table() {
    static const char* captions[] = {"a red cube left of a blue ball", "two small dogs run over the grass",
                                     "a man rides a brown horse", "the cat sleeps under a green chair",
                                     "a yellow bus behind three trees"};
    static const char* negatives[] = {R"(["a blue cube left of a red ball", "blue red a of a left cube ball"])", R"([])",
                                      R"(['a horse rides a brown man', None])", R"(["", "a green cat sleeps under the chair"])"};
    std::string text = "title\tfilepath\tneg_caption\n";
    for (int i = 0; i < 24; ++i)
      text +=
          std::string(captions[i % 5]) + " " + std::to_string(i) + "\t" + image(i) + "\t\"" + doubled(negatives[i % 4]) + "\"\n";
    return text;
  }

 private:
  static std::string doubled(const std::string& cell) {
    std::string text;
    for (const char c : cell) text += c == '"' ? "\"\"" : std::string(1, c);
    return text;
  }
  std::string config() const {
    const std::string at = dir_.path().string();
    return "model: {arch: " + at + "/model.json}\n" + "data:\n  train: {path: " + at +
           "/train.tsv}\n  augment: {scale: [0.5, 1.0], color_jitter: [0.2, 0.2, 0.2]}\n" +
           "negatives: {source: column, sample: one}\n" + "optim: {lr: 0.001, warmup_steps: 3}\n" +
           "train: {epochs: 2, batch_size: 4, seed: 7, deterministic: true}\n" + "output: {dir: " + at +
           "/run, log_every_steps: 1, save_every_steps: 2, keep_last: 3}\n";
  }
  TempDir dir_;
};

}  // namespace fsc::test
