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

  void fields(config::Collector& v);
};

/// data.train.*, or one of its elements.
struct TrainSourceConfig : SourceConfig {
  CaptionChoice captions = CaptionChoice::kAll;
  std::vector<std::string> caption_key = {"txt"};
  std::vector<double> caption_weights;
  std::vector<std::string> image_key = {"jpg", "jpeg", "png", "webp"};
  double weight = 1.0;
  int64_t samples = 0;

  void fields(config::Collector& v);
};

struct DataConfig {
  std::vector<TrainSourceConfig> train = {{}};
  bool augmented = true;  ///< data.augment is not none
  AugmentConfig augment;
  bool shuffle = true;
  int64_t shuffle_buffer = 5000;
  int64_t shuffle_buffer_mb = 1024;
  int64_t shard_streams = 1;
  bool resampled = false;
  AvoidDuplicates avoid_duplicates = AvoidDuplicates::kFalse;
  int64_t workers = 2;
  int64_t prefetch = 4;
  double max_bad_samples = 0.01;
  int64_t retries = 4;
  double timeout_seconds = 60.0;
  double stall_seconds = 60.0;
  int64_t report_every_steps = 100;

  void fields(config::Collector& v);
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
