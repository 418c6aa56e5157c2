// A one-pass parser of separated values with RFC 4180 quoting.
#include "fsc/data/table.h"

#include <algorithm>

#include "data/detail_pairs.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc {
namespace {

class Parser {
 public:
  Parser(const std::string& text, char separator, const std::filesystem::path& path)
      : text_(text), separator_(separator), path_(path) {
    if (text_.compare(0, 3, "\xEF\xBB\xBF") == 0) at_ = 3;  // byte-order mark
  }

  bool done() const { return at_ >= text_.size(); }
  size_t line() const { return line_; }

  std::vector<std::string> record() {
    std::vector<std::string> cells;
    bool more = true;
    while (more) {
      cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      more = at_ < text_.size() && text_[at_] == separator_;
      if (more) ++at_;
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_, ++line_;
    return cells;
  }

 private:
  bool at_line_end() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 >= text_.size() || text_[at_ + 1] == '\n'));
  }

  std::string plain() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && !at_line_end()) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string quoted() {
    const size_t first_line = line_;
    std::string cell;
    for (++at_;; ++at_) {
      if (at_ >= text_.size())
        throw Error(path_.string() + ":" + std::to_string(first_line) +
                    ": a quoted cell begins here and never ends; double the quotes inside it or end it");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"')
        cell += text_[at_];
      else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"')
        cell += '"', ++at_;
      else
        break;
    }
    ++at_;
    return cell + plain();  // as pandas reads  "a"b
  }

  const std::string& text_;
  char separator_;
  const std::filesystem::path& path_;
  size_t at_ = 0;
  size_t line_ = 1;
};

}  // namespace

size_t Table::column(const std::string& name, const std::string& config_key, const std::filesystem::path& path) const {
  const auto first = std::find(columns.begin(), columns.end(), name);
  if (first != columns.end()) {
    if (std::find(first + 1, columns.end(), name) != columns.end())
      throw Error(path.string() + " has two columns '" + name + "' (" + config_key + "); rename one of them");
    return static_cast<size_t>(first - columns.begin());
  }
  std::string there;
  for (const auto& column : columns) there += (there.empty() ? "" : ", ") + column;
  const std::string near = nearest_name(name, columns);
  throw Error(path.string() + " has no column '" + name + "' (" + config_key + "); its columns are: " + there +
              (near.empty() ? "" : "; did you mean " + near + "?"));
}

Table read_table(const std::filesystem::path& path, char separator) {
  const std::string text = read_file(path);
  Parser parser(text, separator, path);
  Table table;
  if (parser.done()) throw Error(path.string() + " is empty; a first line with column names was expected");
  table.columns = parser.record();
  while (!parser.done()) {
    const size_t line = parser.line();
    auto cells = parser.record();
    if (cells.size() == 1 && cells[0].empty()) continue;  // blank line
    if (cells.size() != table.columns.size())
      throw Error(path.string() + ":" + std::to_string(line) + ": has " + std::to_string(cells.size()) +
                  " cells, the first line has " + std::to_string(table.columns.size()) + "; is data.train.format right?");
    table.rows.push_back(std::move(cells));
    table.lines.push_back(line);
  }
  if (table.rows.empty()) throw Error(path.string() + " has column names but no rows");
  return table;
}

std::vector<Pair> detail::read_table_pairs(const SourceConfig& source, const std::string& negative_column) {
  const std::filesystem::path path = source.path;
  const Table table = read_table(path, source.format == SourceFormat::kTsv ? '\t' : ',');
  const size_t image = table.column(source.image_column, "image_column", path);
  const size_t caption = table.column(source.caption_column, "caption_column", path);
  const size_t negatives = negative_column.empty() ? 0 : table.column(negative_column, "negatives.column", path);
  std::vector<Pair> pairs;
  pairs.reserve(table.rows.size());
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    const std::string place = ":" + std::to_string(table.lines[i]);
    if (row[image].empty()) throw Error(path.string() + place + ": the cell of column '" + source.image_column + "' is empty");
    Pair pair{image_root_of(source) / row[image], row[image], row[caption], {}, place};
    try {
      if (!negative_column.empty()) pair.negatives = parse_negative_list(row[negatives]);
    } catch (const Error& error) {
      throw Error(source.path + place + " (" + pair.key + "), column " + negative_column + ": " + error.what());
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::filesystem::path detail::image_root_of(const SourceConfig& source) {
  return source.image_root.empty() ? std::filesystem::path(source.path).parent_path() : std::filesystem::path(source.image_root);
}

std::vector<Pair> read_pairs(const SourceConfig& source, const std::string& negative_column) {
  switch (source.format) {
    case SourceFormat::kTsv:
    case SourceFormat::kCsv:
      return detail::read_table_pairs(source, negative_column);
    case SourceFormat::kCoco:
      return detail::read_coco_pairs(source, negative_column);
    case SourceFormat::kKarpathy:
      return detail::read_karpathy_pairs(source, negative_column);
    case SourceFormat::kWebdataset:
      throw UsageError(
          "format: webdataset is for training; a list of images and captions is needed here (tsv, csv, coco, karpathy)");
  }
  return {};
}

}  // namespace fsc
