// `fsc-data negatives`: captions in, a table of their negatives and a summary out.
#include "fsc/negatives/generate_file.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "negatives/detail_words.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

/// How often each piece was replaced by which; forgets rare ones rather than grow without end.
class ReplacementCounts {
 public:
  void add(const std::string& replacement) {
    ++counts_[replacement];
    if (counts_.size() <= kMost) return;
    for (uint64_t rare = 1; counts_.size() > kMost / 2; ++rare) {
      std::erase_if(counts_, [&](const auto& entry) { return entry.second <= rare; });
    }
  }
  std::vector<std::pair<std::string, uint64_t>> most_frequent(size_t count) const {
    std::vector<std::pair<std::string, uint64_t>> all(counts_.begin(), counts_.end());
    const auto order = [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    };
    std::sort(all.begin(), all.end(), order);
    all.resize(std::min(all.size(), count));
    return all;
  }

 private:
  static constexpr size_t kMost = 1 << 20;
  std::unordered_map<std::string, uint64_t> counts_;
};

void append_cell(std::string& line, std::string_view text) {
  for (const char c : text) line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
}

/// Takes the negatives of each caption in turn: into the file, the preview and the summary.
class Writer {
 public:
  Writer(std::span<const std::string> captions, const GenerateOptions& options) : captions_(captions), options_(options) {
    if (!options.out.empty()) output_.emplace(options.out);
    for (const auto& kind : options.kinds) summary_.kinds.push_back({.kind = kind});
    put(options.epochs > 1 ? "epoch\tindex\tkind\tnegative\n" : "index\tkind\tnegative\n");
  }

  void take(uint64_t epoch, size_t index, const NegativeTexts& negatives, const MadeReport& report) {
    ++summary_.captions;
    summary_.analysis_seconds += report.analysis_seconds;
    summary_.generation_seconds += report.generation_seconds;
    const auto before = detail::words_of(captions_[index]);
    std::string lines;
    for (size_t slot = 0; slot < negatives.size(); ++slot) {
      KindSummary& kind = summary_.kinds[slot];
      ++kind.asked;
      if (!negatives[slot]) continue;
      const std::string& negative = *negatives[slot];
      const auto after = detail::words_of(negative);
      ++kind.made;
      kind.words_changed += detail::edit_distance(before, after);
      if (const auto piece = detail::replaced_piece(before, after, kLongestPiece); !piece.empty()) counts_.add(piece);
      if (options_.epochs > 1) lines.append(std::to_string(epoch)).append("\t");
      lines.append(std::to_string(index)).append("\t").append(kind.kind).append("\t");
      append_cell(lines, negative);
      lines += '\n';
      if (epoch == 0 && index < options_.preview && options_.show) options_.show(kind.kind, captions_[index], negative);
    }
    put(lines);
    if (options_.each) options_.each(index, negatives);
  }

  GenerateSummary finish() {
    if (output_) output_->finish();
    summary_.frequent = counts_.most_frequent(10);
    return summary_;
  }

 private:
  void put(std::string_view bytes) {
    if (output_) output_->put(bytes);
  }

  static constexpr size_t kLongestPiece = 4;
  std::span<const std::string> captions_;
  const GenerateOptions& options_;
  std::optional<AtomicFile> output_;
  GenerateSummary summary_;
  ReplacementCounts counts_;
};

}  // namespace

std::vector<std::string> read_captions(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<std::string> captions;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    captions.push_back(bytes.substr(at, end - at));
    if (captions.back().ends_with('\r')) captions.back().pop_back();
    at = end + 1;
  }
  if (captions.empty()) throw Error(file.string() + ": the file is empty; it must hold one caption a line");
  return captions;
}

GenerateSummary generate_file(std::span<const std::string> captions, const GenerateOptions& options) {
  if (options.kinds.empty()) throw UsageError("no kind of negatives is named; there are swap, replace, shuffle and svlc");
  if (options.epochs < 1) throw UsageError("epochs must be at least 1");
  NegativesConfig config;
  config.source = NegativeSource::kGenerate;
  config.kinds = options.kinds;
  config.per_caption = static_cast<int64_t>(options.kinds.size());
  const NegativeMaker maker(config);
  Writer writer(captions, options);
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto number_of_epoch = static_cast<uint64_t>(epoch);
    make_in_order(maker, captions, options.seed, number_of_epoch, options.threads,
                  [&](size_t index, const NegativeTexts& negatives, const MadeReport& report) {
                    writer.take(number_of_epoch, index, negatives, report);
                  });
  }
  return writer.finish();
}

}  // namespace fsc
