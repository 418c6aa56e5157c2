// Images and captions listed in one file: tsv and csv tables, COCO's captions JSON, Karpathy's JSON.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/negatives/negatives.h"

namespace fsc {

/// A table as text: RFC 4180 quoting, CRLF, byte-order mark, columns in any order. Error names the file and line: unreadable,
/// empty, a quote that never ends, a row of another width.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<size_t> lines;  ///< line each row starts on, 1-based

  /// Index of a column. Error when there is none (lists those there are, and the key of the config that names it) or two.
  size_t column(const std::string& name, const std::string& config_key, const std::filesystem::path& path) const;
};
Table read_table(const std::filesystem::path& path, char separator);

/// Image-caption pairs of a source; paths are resolved against image_root.
struct Pair {
  std::filesystem::path image;
  std::string key;  ///< the image path as the file has it: names the sample in messages
  std::string caption;
  NegativeTexts negatives;  ///< the list of its cell or JSON
  std::string place;        ///< for messages, behind the path: ":7", the line of a table, or ", annotation 12" of a JSON
};
/// All pairs of a table or JSON, in its order. `negative_column` "" = none; in a JSON it is the key of a list beside the caption.
/// Error for a missing column or key, nothing in it, an empty image path, an annotation without its image, negatives that are no
/// list of texts (names the place and the image), webdataset (which has no list).
std::vector<Pair> read_pairs(const SourceConfig& source, const std::string& negative_column = "");

}  // namespace fsc
