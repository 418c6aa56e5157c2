// A table read, its negatives made, and all of it written as tsv with RFC 4180 quotes where a cell needs them.
#include "fsc/data/negative_column.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/csv.h"
#include "fsc/data/table.h"

namespace fsc {
namespace {

constexpr const char* kColumn = "neg_caption";

std::string json_list(const NegativeTexts& negatives) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& negative : negatives)
    if (negative && !negative->empty()) list.push_back(*negative);
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Columns and rows without the one that is to be written.
Table rows_of(const SourceConfig& source) {
  Table table;
  if (source.format == SourceFormat::kTsv || source.format == SourceFormat::kCsv) {
    table = read_table(source.path, source.format == SourceFormat::kTsv ? '\t' : ',');
    const auto old = std::find(table.columns.begin(), table.columns.end(), kColumn);
    if (old == table.columns.end()) return table;
    const auto place = old - table.columns.begin();
    table.columns.erase(old);
    for (auto& row : table.rows) row.erase(row.begin() + place);
    return table;
  }
  table.columns = {"filepath", "title"};
  for (const auto& pair : read_pairs(source)) table.rows.push_back({pair.key, pair.caption});
  return table;
}

std::string line_of(const std::vector<std::string>& cells, const std::string& last) {
  std::string line;
  for (const auto& text : cells) line += csv_cell(text, '\t') + "\t";
  return line + csv_cell(last, '\t') + "\n";
}

}  // namespace

std::vector<std::string> captions_of(const SourceConfig& source) {
  std::vector<std::string> captions;
  for (auto& pair : read_pairs(source)) captions.push_back(std::move(pair.caption));
  return captions;
}

GenerateSummary write_negative_column(const SourceConfig& source, GenerateOptions generate, const std::filesystem::path& out) {
  const auto captions = captions_of(source);
  const Table table = rows_of(source);
  std::string text = line_of(table.columns, kColumn);
  generate.out.clear();
  generate.each = [&](size_t row, const NegativeTexts& negatives) { text += line_of(table.rows[row], json_list(negatives)); };
  auto summary = generate_file(captions, generate);
  write_file_atomic(out, text);
  return summary;
}

}  // namespace fsc
