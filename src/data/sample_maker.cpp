// Reading, decoding, resizing, negatives and tokens of one sample, each timed.
#include <chrono>

#include "data/detail_sample_maker.h"
#include "data/detail_streams.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/image/decode.h"

namespace fsc {
namespace {

/// Adds the time it lives to a stage.
class Timed {
 public:
  Timed(LoaderStats& stats, Stage stage) : seconds_(stats.at(stage)) {}
  ~Timed() { seconds_ += std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  double& seconds_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace

Made SampleMaker::make(RawSample raw, uint64_t epoch, Activity& activity) const {
  Made made;
  made.raw = std::move(raw);
  if (!made.raw.problem.empty()) return made;
  made.sample.emplace();
  made.sample->key = made.raw.key;
  try {
    add_image(made, epoch, activity);
  } catch (const Error& error) {
    made.raw.problem = error.what();
    made.sample.reset();
    return made;
  }
  add_texts(made, epoch, activity);
  return made;
}

void SampleMaker::add_image(Made& made, uint64_t epoch, Activity& activity) const {
  RawSample& raw = made.raw;
  std::string bytes = std::move(raw.image_bytes);
  raw.image_bytes.clear();
  const bool from_file = !raw.image_file.empty();
  if (from_file) {
    activity.set(Stage::kRead, raw.key);
    const Timed timed(made.counts, Stage::kRead);
    bytes = read_file(raw.image_file);
  }
  torch::Tensor pixels;
  {
    activity.set(Stage::kDecode, raw.key);
    const Timed timed(made.counts, Stage::kDecode);
    pixels = decode_image(bytes, from_file ? raw.image_file.string() : raw.key);
  }
  activity.set(Stage::kResize, raw.key);
  const Timed timed(made.counts, Stage::kResize);
  if (!setup_.data.augmented) {
    made.sample->image = eval_transform(pixels, setup_.preprocess);
    return;
  }
  Rng rng = Rng::of(setup_.seed, epoch, raw.index, Stream::kAugment);
  made.sample->image = train_transform(pixels, setup_.preprocess, setup_.data.augment, rng);
}

void SampleMaker::add_texts(Made& made, uint64_t epoch, Activity& activity) const {
  const RawSample& raw = made.raw;
  Sample& sample = *made.sample;
  activity.set(Stage::kGenerate, raw.key);
  MadeReport report;
  const NegativeTexts negatives = negatives_.make(raw.caption, raw.listed, {setup_.seed, epoch, raw.index}, &report);
  made.counts.at(Stage::kAnalyse) += report.analysis_seconds;
  made.counts.at(Stage::kGenerate) += report.generation_seconds;
  activity.set(Stage::kTokenize, raw.key);
  const Timed timed(made.counts, Stage::kTokenize);
  sample.caption = encode(raw.caption, made.counts);
  made.caption_hash = hash_text(normalized_caption(raw.caption));
  for (const auto& text : negatives) {
    const bool exists = text && !text->empty();
    ++made.counts.negative_slots;
    made.negative_hashes.push_back(exists ? hash_text(normalized_caption(*text)) : 0);
    if (exists)
      sample.negatives.emplace_back(encode(*text, made.counts));
    else
      sample.negatives.emplace_back(std::nullopt);
  }
}

std::vector<int64_t> SampleMaker::encode(const std::string& text, LoaderStats& counts) const {
  EncodeReport report;
  auto ids = setup_.tokenizer->encode(text, setup_.context_length, &report);
  ++counts.texts;
  counts.truncated += report.truncated;
  counts.mojibake += report.mojibake;
  counts.invalid_utf8 += report.invalid_utf8;
  return ids;
}

}  // namespace fsc
