// Rules between the keys of data.*, and its name in messages.
#include "fsc/data/data_config.h"

namespace fsc {

namespace {

/// Rules between the keys of one source, whose keys begin with `path`.
void validate_source(const TrainSourceConfig& source, const std::string& path, const DataConfig& data,
                     config::Problems& problems) {
  const auto add = [&](const char* key, const std::string& message) { problems.add(path + "." + key, message); };
  const bool shards = source.format == SourceFormat::kWebdataset;
  if (source.path.empty()) add("path", "is missing; name the table of images and captions, or the shards");
  if (source.format == SourceFormat::kKarpathy && source.split.empty())
    add("split", "is empty; name at least one: [train, restval]");
  if (!shards) {
    if (source.samples > 0) add("samples", "is for webdataset; a table is counted (use weight to take more or less of it)");
    return;
  }
  if (source.caption_key.empty()) add("caption_key", "is empty; name where captions are, such as txt or json:caption");
  if (source.image_key.empty()) add("image_key", "is empty; name at least one extension, such as jpg");
  if (!source.caption_weights.empty()) {
    double sum = 0;
    for (const double weight : source.caption_weights) sum += weight;
    if (source.caption_weights.size() != source.caption_key.size())
      add("caption_weights", "has " + std::to_string(source.caption_weights.size()) + " numbers for " +
                                 std::to_string(source.caption_key.size()) + " caption_keys; give one each");
    else if (sum <= 0)
      add("caption_weights", "must not all be 0");
  }
  if (data.resampled && source.weight != 1) add("weight", "and data.resampled exclude each other; set samples instead");
}

}  // namespace

void DataConfig::validate(config::Problems& problems) const {
  if (train.empty()) problems.add("data.train", "is an empty list; name at least one source");
  for (size_t i = 0; i < train.size(); ++i) validate_source(train[i], source_name(i), *this, problems);
  const auto pair_in_order = [&](const std::vector<double>& range, const char* path) {
    if (augmented && (range.size() != 2 || range[0] > range[1]))
      problems.add(path, "expected two numbers in rising order, such as [0.9, 1.0]");
  };
  pair_in_order(augment.scale, "data.augment.scale");
  pair_in_order(augment.ratio, "data.augment.ratio");
  if (augmented && augment.scale.size() == 2 && augment.scale[0] <= 0) problems.add("data.augment.scale", "must be above 0");
  const auto& jitter = augment.color_jitter;
  if (augmented && !jitter.empty() && jitter.size() != 3 && jitter.size() != 4)
    problems.add("data.augment.color_jitter",
                 "expected [brightness, contrast, saturation] or [brightness, contrast, saturation, hue]");
  if (augmented && jitter.size() == 4 && jitter[3] > 0.5) problems.add("data.augment.color_jitter", "hue must be at most 0.5");
}

std::string DataConfig::source_name(size_t source) const {
  return train.size() == 1 ? "data.train" : "data.train[" + std::to_string(source) + "]";
}

std::string DataConfig::name() const {
  if (train.empty()) return "";
  return train[0].path + (train.size() > 1 ? " and " + std::to_string(train.size() - 1) + " more" : "");
}

}  // namespace fsc
