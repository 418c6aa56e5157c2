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

void SourceConfig::fields(config::Collector& v) {
  v(format, "format", "tsv and csv tables, webdataset shards, COCO's captions JSON, Karpathy's JSON");
  v(path, "path",
    "The table or JSON; webdataset: shards as braces, globs, http(s):// URLs or pipe:commands, several joined by ::; private "
    "servers are told the password in ~/.netrc, or over https the token in FSC_HTTP_BEARER_TOKEN");
  v(image_root, "image_root", "Folder that relative image paths start from (empty = the table's folder)");
  v(image_column, "image_column", "tsv, csv: column with the image's path");
  v(caption_column, "caption_column", "tsv, csv: column with the caption");
  v(split, "split", "karpathy: the splits to take");
}

void TrainSourceConfig::fields(config::Collector& v) {
  SourceConfig::fields(v);
  v(captions, "captions",
    "tables, coco, karpathy: each caption of an image is a sample (all), or each image is one, with a caption drawn anew each "
    "epoch (one, as webdataset always does)");
  v(caption_key, "caption_key",
    "webdataset: where the caption is, in order of preference: txt, json:key for a key of a JSON file (a list there: one drawn "
    "each epoch), or dir:FOLDER for FOLDER/<sample>.txt");
  v(caption_weights, "caption_weights",
    "webdataset: instead of the order, chances of the caption_keys that a sample has (empty = the order)", config::at_least(0.0));
  v(image_key, "image_key", "webdataset: extensions an image may have, in order of preference");
  v(weight, "weight", "How often an epoch sees each sample of this source (2 = twice, 0.5 = half of them, drawn anew each epoch)",
    config::above(0.0));
  v(samples, "samples",
    "webdataset: samples an epoch takes of it, over all processes; needed where shards have no sizes.json and cannot be counted "
    "(pipe, http)",
    config::between(0, 1e12));
}

void DataConfig::fields(config::Collector& v) {
  v.map_or_list(train, "train", "Where samples come from; several sources are mixed sample by sample");
  v.optional_group(augment, augmented, "augment",
                   "A map of the keys below (without it, the official code's crop of 90 to 100% of the area), or none = the eval "
                   "preprocessing");
  v(shuffle, "shuffle", "New order of the samples each epoch");
  v(shuffle_buffer, "shuffle_buffer",
    "webdataset: samples held to be drawn from, beside the shuffled order of the shards (1 = none)", config::between(1, 1 << 20));
  v(shuffle_buffer_mb, "shuffle_buffer_mb",
    "webdataset: MiB of held samples at which each source's buffer stops growing, whatever shuffle_buffer says (0 = no bound)",
    config::between(0, 1 << 30));
  v(shard_streams, "shard_streams",
    "webdataset: streams that take turns, each with its part of the shards and of shuffle_buffer; processes divide them, so set "
    "a "
    "multiple of the most processes (of fewer streams every process reads all). Another number is another order, whatever the "
    "processes",
    config::between(1, 1 << 16));
  v(resampled, "resampled", "webdataset: shards drawn with replacement instead of each once an epoch");
  v(avoid_duplicates, "avoid_duplicates",
    "Keep the same image or caption from coming twice in a batch, where both would be each other's negatives (captions compared "
    "as for negatives.avoid_batch_captions); auto = where images have several captions");
  v(workers, "workers", "Loader threads; the samples and their order do not depend on it", config::between(1, 256));
  v(prefetch, "prefetch", "Batches made ahead", config::between(1, 1024));
  v(max_bad_samples, "max_bad_samples", "Share of samples that may be missing or broken before the run stops",
    config::between(0.0, 1.0));
  v(retries, "retries", "webdataset: how often a pipe or server that fails is asked again", config::between(0, 100));
  v(timeout_seconds, "timeout_seconds",
    "webdataset: seconds without a byte from a pipe or server, while the loader waits for one, that count as a failure",
    config::above(0.0));
  v(stall_seconds, "stall_seconds", "Seconds without a sample after which the log names what every worker is at",
    config::above(0.0));
  v(report_every_steps, "report_every_steps",
    "Steps between two lines on where the loader's time goes (0 = only the table at the end)", config::at_least(0));
}

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
