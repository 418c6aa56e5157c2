// Reading, decoding, resizing, negatives and tokens of one sample, each timed.
#include "data/detail_sample_maker.h"
#include "data/detail_timed.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/image/decode.h"

namespace fsc::detail {

Made SampleMaker::make(RawSample raw, uint64_t epoch, Activity& activity) const {
  Made made;
  made.raw = std::move(raw);
  if (!made.raw.problem.empty()) return made;
  made.sample.emplace();
  made.sample->key = made.raw.key;
  try {
    add_image(made, epoch, activity);
  } catch (const Error& error) {
    made.raw.fail(SampleProblem::kImage, error.what());
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
    made.sample->image = eval_pixels(pixels, setup_.preprocess);
    return;
  }
  Rng rng = Rng::of(setup_.seed, epoch, raw.index, Stream::kAugment);
  made.sample->image = train_pixels(pixels, setup_.preprocess, setup_.data.augment, rng);
}

void SampleMaker::add_texts(Made& made, uint64_t epoch, Activity& activity) const {
  activity.set(Stage::kGenerate, made.raw.key);
  std::vector<std::vector<std::optional<std::string>>> texts;
  for (const TextProducer& kind : texts_) texts.push_back(kind.make({made.raw, setup_.seed, epoch, made.counts}));
  activity.set(Stage::kTokenize, made.raw.key);
  const Timed timed(made.counts, Stage::kTokenize);
  for (size_t i = 0; i < texts_.size(); ++i) made.sample->texts.push_back(encode(texts_[i], texts[i], made.counts));
}

TextGroup SampleMaker::encode(const TextProducer& kind, const std::vector<std::optional<std::string>>& texts,
                              LoaderStats& counts) const {
  TextGroup group{.name = kind.group, .truth = kind.truth};
  if (kind.truth == Truth::kWrong) counts.negative_slots += static_cast<int64_t>(texts.size());
  for (const auto& text : texts) {
    if (kind.truth != Truth::kOpen) group.hashes.push_back(text ? hash_text(normalized_caption(*text)) : 0);
    group.slots.push_back(text ? std::optional(encode(*text, counts)) : std::nullopt);
  }
  return group;
}

TokenIds SampleMaker::encode(const std::string& text, LoaderStats& counts) const {
  EncodeReport report;
  auto ids = setup_.tokenizer->encode(text, setup_.context_length, &report);
  ++counts.texts;
  counts.truncated += report.truncated;
  counts.mojibake += report.mojibake;
  counts.invalid_utf8 += report.invalid_utf8;
  return ids;
}

}  // namespace fsc::detail
