// data.*: where samples come from and how they are loaded.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/config/config.h"
#include "fsc/image/preprocess.h"

namespace fsc {

enum class TableFormat { kTsv, kCsv };

/// data.train.*; retrieval tasks of fsc-eval use the same keys.
struct SourceConfig {
  TableFormat format = TableFormat::kTsv;
  std::string path;
  std::string image_root;
  std::string image_column = "filepath";
  std::string caption_column = "title";

  template <class V>
  void fields(V& v);
};

struct DataConfig {
  SourceConfig train;
  bool augmented = false;  ///< data.augment is not none
  AugmentConfig augment;
  bool shuffle = true;
  int64_t workers = 2;
  int64_t prefetch = 4;
  double max_bad_samples = 0.01;

  template <class V>
  void fields(V& v);
  void validate(config::Problems& problems) const;
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::TableFormat> {
  static constexpr const char* names[] = {"tsv", "csv"};
};

template <class V>
void fsc::SourceConfig::fields(V& v) {
  v(format, "format", "Kind of table");
  v(path, "path", "The table");
  v(image_root, "image_root", "Folder that relative image paths start from (empty = the table's folder)");
  v(image_column, "image_column", "Column with the image's path");
  v(caption_column, "caption_column", "Column with the caption");
}

template <class V>
void fsc::DataConfig::fields(V& v) {
  v.group(train, "train");
  v.optional_group(augment, augmented, "augment", "none = the eval preprocessing, or a map of the keys below");
  v(shuffle, "shuffle", "New order of the samples each epoch");
  v(workers, "workers", "Loader threads; the samples and their order do not depend on it", config::between(1, 256));
  v(prefetch, "prefetch", "Batches made ahead", config::between(1, 1024));
  v(max_bad_samples, "max_bad_samples", "Share of samples that may be missing or broken before the run stops", config::between(0.0, 1.0));
}
