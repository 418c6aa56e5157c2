// data.*: where samples come from and how they are loaded.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/image/preprocess.h"

namespace fsc {

enum class SourceFormat { kTsv, kCsv, kWebdataset, kCoco, kKarpathy };
/// What becomes of an image with several captions.
enum class CaptionChoice { kAll, kOne };
enum class AvoidDuplicates { kAuto, kFalse, kTrue };

/// Images and captions on disk; retrieval tasks of fsc-eval use the same keys.
struct SourceConfig {
  SourceFormat format = SourceFormat::kTsv;
  std::string path;
  std::string image_root;
  std::string image_column = "filepath";
  std::string caption_column = "title";
  std::vector<std::string> split = {"train", "restval"};

  template <class V>
  void fields(V& v);
};

/// data.train.*, or one of its elements.
struct TrainSourceConfig : SourceConfig {
  CaptionChoice captions = CaptionChoice::kAll;
  std::vector<std::string> caption_key = {"txt"};
  std::vector<double> caption_weights;
  std::vector<std::string> image_key = {"jpg", "jpeg", "png", "webp"};
  double weight = 1.0;
  int64_t samples = 0;

  template <class V>
  void fields(V& v);
};

struct DataConfig {
  std::vector<TrainSourceConfig> train = {{}};
  bool augmented = true;  ///< data.augment is not none
  AugmentConfig augment;
  bool shuffle = true;
  int64_t shuffle_buffer = 5000;
  int64_t shuffle_buffer_mb = 1024;
  bool resampled = false;
  AvoidDuplicates avoid_duplicates = AvoidDuplicates::kFalse;
  int64_t workers = 2;
  int64_t prefetch = 4;
  double max_bad_samples = 0.01;
  int64_t retries = 4;
  double timeout_seconds = 60.0;
  double stall_seconds = 60.0;
  int64_t report_every_steps = 100;

  template <class V>
  void fields(V& v);
  void validate(config::Problems& problems) const;
  /// Path of the source, "first and 2 more" of several.
  std::string name() const;
  /// "data.train", or "data.train[1]" where there are several.
  std::string source_name(size_t source) const;
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::SourceFormat> {
  static constexpr const char* names[] = {"tsv", "csv", "webdataset", "coco", "karpathy"};
};
template <>
struct fsc::config::EnumNames<fsc::CaptionChoice> {
  static constexpr const char* names[] = {"all", "one"};
};
template <>
struct fsc::config::EnumNames<fsc::AvoidDuplicates> {
  static constexpr const char* names[] = {"auto", "false", "true"};
};

template <class V>
void fsc::SourceConfig::fields(V& v) {
  v(format, "format", "tsv and csv tables, webdataset shards, COCO's captions JSON, Karpathy's JSON");
  v(path, "path",
    "The table or JSON; webdataset: shards as braces, globs, http(s):// URLs or pipe:commands, several joined by ::; private "
    "servers are told the password in ~/.netrc, or over https the token in FSC_HTTP_BEARER_TOKEN");
  v(image_root, "image_root", "Folder that relative image paths start from (empty = the table's folder)");
  v(image_column, "image_column", "tsv, csv: column with the image's path");
  v(caption_column, "caption_column", "tsv, csv: column with the caption");
  v(split, "split", "karpathy: the splits to take");
}

template <class V>
void fsc::TrainSourceConfig::fields(V& v) {
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

template <class V>
void fsc::DataConfig::fields(V& v) {
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
