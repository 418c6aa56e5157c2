// Pieces (shards, or stretches of a table) are checked side by side and put together in their order.
#include "fsc/data/check.h"

#include <fmt/format.h>

#include <filesystem>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "data/detail_shard_sample.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/parallel.h"
#include "fsc/data/table.h"
#include "fsc/image/decode.h"
#include "fsc/negatives/negatives.h"
#include "fsc/shards/shard_check.h"
#include "fsc/shards/shard_index.h"
#include "fsc/shards/shard_list.h"
#include "fsc/shards/shard_writer.h"

namespace fsc {
using namespace detail;
namespace {

/// What one piece holds, with the hashes that duplicates are found by.
struct Piece {
  CheckReport report;
  std::vector<std::pair<uint64_t, std::string>> images, captions;  // hash, key
};

void add(std::map<std::string, Finding>& findings, const std::string& name, const std::string& example, size_t examples,
         int64_t count = 1) {
  Finding& finding = findings[name];
  finding.count += count;
  if (finding.examples.size() < examples) finding.examples.push_back(example);
}

class Checker {
 public:
  explicit Checker(const CheckOptions& options) : options_(options) {}

  void image(Piece& piece, const std::string& bytes, const std::string& key) const {
    ++piece.report.images;
    piece.images.emplace_back(hash_text(bytes), key);
    if (!options_.decode) return;
    try {
      decode_image(bytes, key);
    } catch (const Error& error) {
      problem(piece, "image that cannot be decoded", error.what());
    }
  }

  void caption(Piece& piece, const std::string& text, const std::string& key) const {
    ++piece.report.captions;
    const std::string normal = normalized_caption(text);
    if (normal.empty()) return problem(piece, "empty caption", key);
    piece.captions.emplace_back(hash_text(normal), key);
    if (!options_.tokenizer) return;
    EncodeReport encoded;
    options_.tokenizer->encode(text, options_.context_length, &encoded);
    if (encoded.truncated) note(piece, fmt::format("caption of more than {} tokens (cut)", options_.context_length), key);
    if (encoded.invalid_utf8) note(piece, "caption with bytes that are no UTF-8", key);
  }

  void problem(Piece& piece, const std::string& name, const std::string& example, int64_t count = 1) const {
    add(piece.report.problems, name, example, options_.examples, count);
  }
  /// Compares a shard with what index.json beside it says; whether they agree, or nothing is said.
  bool as_recorded(Piece& piece, const ShardCheck& shard, const Recorded& recorded) const;

  void note(Piece& piece, const std::string& name, const std::string& example) const {
    add(piece.report.notes, name, example, options_.examples);
  }

  /// Duplicates over all pieces, and the sum of what each found.
  CheckReport put_together(const std::vector<Piece>& pieces) const {
    CheckReport all;
    std::unordered_map<uint64_t, std::string> images, captions;
    for (const auto& piece : pieces) {
      const CheckReport& part = piece.report;
      all.samples += part.samples, all.images += part.images, all.captions += part.captions, all.bytes += part.bytes;
      merge(all.problems, part.problems);
      merge(all.notes, part.notes);
      duplicates(all, images, piece.images, "image that is there twice");
      duplicates(all, captions, piece.captions, "caption that is there twice");
    }
    return all;
  }

 private:
  void merge(std::map<std::string, Finding>& into, const std::map<std::string, Finding>& from) const {
    for (const auto& [name, finding] : from) {
      Finding& sum = into[name];
      sum.count += finding.count;
      for (const auto& example : finding.examples)
        if (sum.examples.size() < options_.examples) sum.examples.push_back(example);
    }
  }

  void duplicates(CheckReport& all, std::unordered_map<uint64_t, std::string>& seen,
                  const std::vector<std::pair<uint64_t, std::string>>& found, const char* name) const {
    for (const auto& [hash, key] : found) {
      const auto [it, fresh] = seen.emplace(hash, key);
      if (!fresh) add(all.notes, name, key + " = " + it->second, options_.examples);
    }
  }

  const CheckOptions& options_;
};

bool Checker::as_recorded(Piece& piece, const ShardCheck& shard, const Recorded& recorded) const {
  if (!recorded.record) {
    if (recorded.index) note(piece, "shard that index.json does not name", shard.name);
    return true;
  }
  const ShardRecord& record = *recorded.record;
  std::string difference;
  if (shard.sha256.empty()) return true;  // it cannot be read to its end, which is told already
  if (shard.all_bytes != record.bytes)
    difference = fmt::format("{} bytes, not {}", shard.all_bytes, record.bytes);
  else if (shard.sha256 != record.sha256)
    difference = fmt::format("SHA-256 {}, not {}", shard.sha256, record.sha256);
  else if (shard.samples != record.samples)
    difference = fmt::format("{} samples, not {}", shard.samples, record.samples);
  if (difference.empty()) return true;
  problem(piece, "shard that is not the one index.json was written for",
          shard.name + " has " + difference + "; get it again, or delete index.json if it was changed on purpose");
  return false;
}

struct CheckedShard {
  Piece piece;
  ShardRecord record;
  bool whole = false;
};

CheckedShard check_one_shard(const CheckOptions& options, const Checker& checker, const ShardSampleReader& samples,
                             const std::string& url, const Recorded& recorded) {
  CheckedShard result;
  Piece& piece = result.piece;
  const std::string name = shard_name(url);
  const ShardCheckOptions reading = {.image_extensions = {},
                                     .caption_extensions = {},
                                     .max_examples = options.examples,
                                     .digest = recorded.record.has_value() || options.write_sizes};
  const ShardCheck shard = check_shard(url, reading, [&](const ShardSample& sample) {
    const std::string key = name + "/" + sample.key;
    if (const std::string* bytes = samples.image(sample))
      checker.image(piece, *bytes, key);
    else
      checker.problem(piece, "sample without an image", key + " has: " + ShardSampleReader::contents(sample));
    const auto captions = samples.captions(sample);
    if (captions.empty())
      checker.problem(piece, "sample without a caption under " + samples.caption_keys(),
                      key + " has: " + ShardSampleReader::contents(sample));
    for (const auto& caption : captions) checker.caption(piece, caption, key);
  });
  piece.report.samples = shard.samples;
  piece.report.bytes = shard.bytes;
  result.whole = checker.as_recorded(piece, shard, recorded);
  for (const auto& finding : shard.findings) {
    const bool harmless = finding.problem == ShardProblem::kNoEndMark;
    result.whole &= finding.problem != ShardProblem::kUnreadable && finding.problem != ShardProblem::kTruncated;
    Finding& found =
        (harmless ? piece.report.notes : piece.report.problems)[std::string("archive: ") + problem_name(finding.problem)];
    found.count += finding.count;
    found.examples.push_back(name + ": " + finding.message);
    for (const auto& example : finding.examples) found.examples.push_back(name + "/" + example);
  }
  result.record = {.name = name, .samples = shard.samples, .bytes = shard.all_bytes, .sha256 = shard.sha256};
  return result;
}

/// sizes.json and index.json of the folders that hold nothing but whole local shards of the list; none for shards that an
/// index.json contradicts.
bool write_sizes_of(const std::vector<std::string>& urls, const std::vector<CheckedShard>& shards) {
  std::map<std::filesystem::path, std::vector<ShardRecord>> folders;
  for (size_t i = 0; i < urls.size(); ++i) {
    if (is_remote(urls[i]) || !shards[i].whole) return false;
    folders[std::filesystem::path(urls[i]).parent_path()].push_back(shards[i].record);
  }
  for (auto& [folder, records] : folders) write_sizes(folder.empty() ? "." : folder, records);
  return true;
}

CheckReport check_shards(const CheckOptions& options, const Checker& checker,
                         const std::function<void(int64_t, int64_t)>& progress) {
  const auto urls = expand_shards(options.source.path);
  const ShardSampleReader samples(options.source, "");
  const auto recorded = recorded_shards(urls);
  std::vector<CheckedShard> shards(urls.size());
  const auto count = static_cast<int64_t>(urls.size());
  std::mutex mutex;
  int64_t done = 0;
  for_each_index(count, options.threads, [&](int64_t i) {
    const auto place = static_cast<size_t>(i);
    shards[place] = check_one_shard(options, checker, samples, urls[place], recorded[place]);
    const std::lock_guard lock(mutex);
    if (progress) progress(++done, count);
  });
  std::vector<Piece> pieces;
  for (auto& shard : shards) pieces.push_back(std::move(shard.piece));
  CheckReport report = checker.put_together(pieces);
  report.shards = count;
  if (options.write_sizes) report.sizes_written = write_sizes_of(urls, shards);
  return report;
}

CheckReport check_pairs(const CheckOptions& options, const Checker& checker,
                        const std::function<void(int64_t, int64_t)>& progress) {
  constexpr int64_t kStretch = 256;
  const auto pairs = read_pairs(options.source);
  const int64_t count = (static_cast<int64_t>(pairs.size()) + kStretch - 1) / kStretch;
  std::vector<Piece> pieces(static_cast<size_t>(count));
  std::mutex mutex;
  std::unordered_set<std::string> seen;  // an image of several captions is looked at once, by whoever comes first
  int64_t done = 0;
  std::vector<bool> first(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) first[i] = seen.insert(pairs[i].image.lexically_normal().string()).second;
  for_each_index(count, options.threads, [&](int64_t stretch) {
    Piece& piece = pieces[static_cast<size_t>(stretch)];
    for (auto i = static_cast<size_t>(stretch * kStretch);
         i < std::min(pairs.size(), static_cast<size_t>((stretch + 1) * kStretch)); ++i) {
      const Pair& pair = pairs[i];
      ++piece.report.samples;
      checker.caption(piece, pair.caption, options.source.path + pair.place + " (" + pair.key + ")");
      if (!first[i]) continue;
      try {
        const std::string bytes = read_file(pair.image);
        piece.report.bytes += bytes.size();
        checker.image(piece, bytes, pair.key);
      } catch (const Error& error) {
        checker.problem(piece, "image that cannot be read", error.what());
      }
    }
    const std::lock_guard lock(mutex);
    if (progress) progress(++done, count);
  });
  return checker.put_together(pieces);
}

}  // namespace

CheckReport check_data(const CheckOptions& options, const std::function<void(int64_t, int64_t)>& progress) {
  const Checker checker(options);
  return options.source.format == SourceFormat::kWebdataset ? check_shards(options, checker, progress)
                                                            : check_pairs(options, checker, progress);
}

std::vector<std::string> report_lines(const CheckReport& report) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}{} samples, {} images, {} captions, {}",
                              report.shards > 0 ? fmt::format("{} shards, ", report.shards) : "", report.samples, report.images,
                              report.captions, format_bytes(static_cast<double>(report.bytes))));
  const auto add_all = [&](const char* title, const std::map<std::string, Finding>& findings) {
    if (!findings.empty()) lines.emplace_back(title);
    for (const auto& [name, finding] : findings) {
      lines.push_back(fmt::format("  {:>8}  {}", finding.count, name));
      for (const auto& example : finding.examples) lines.push_back("            " + example);
      if (finding.count > static_cast<int64_t>(finding.examples.size()) && finding.examples.size() > 1)
        lines.emplace_back("            …");
    }
  };
  add_all("problems (a run leaves these out and counts them):", report.problems);
  add_all("worth knowing (a run uses these):", report.notes);
  if (report.problems.empty()) lines.emplace_back(report.notes.empty() ? "all is well" : "nothing is broken");
  if (report.sizes_written) lines.emplace_back("sizes.json and index.json written beside the shards");
  return lines;
}

}  // namespace fsc
