// tsv and csv tables: RFC 4180 quoting, CRLF, byte-order mark, columns in any order.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"

namespace fsc {

/// A table as text. Error names the file and line: unreadable, empty, a quote that never ends, a row of another width.
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
  std::string key;  ///< the image path as the table has it: names the sample in messages
  std::string caption;
  std::string negatives;  ///< raw cell of the negatives' column, "" without one
  size_t line;            ///< of the table, 1-based
};
/// `negative_column` "" = none. Error for a missing column, an empty table, an empty path cell.
std::vector<Pair> read_pairs(const SourceConfig& source, const std::string& negative_column = "");

}  // namespace fsc
