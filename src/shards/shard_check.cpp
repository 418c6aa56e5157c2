// One pass over a shard that collects findings by problem.
#include "fsc/shards/shard_check.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/shards/shard_list.h"
#include "shards/detail_streams.h"

namespace fsc {
namespace {

/// A stream that hashes what passes, what is skipped too.
class HashingStream final : public ByteStream {
 public:
  explicit HashingStream(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}
  size_t read(std::span<char> buffer) override {
    const size_t n = stream_->read(buffer);
    hash_.update({buffer.data(), n});
    bytes_ += n;
    return n;
  }
  uint64_t skip(uint64_t count) override {
    uint64_t done = 0;
    while (done < count) {
      const size_t n = read(std::span(scratch_).first(std::min<uint64_t>(scratch_.size(), count - done)));
      if (n == 0) break;
      done += n;
    }
    return done;
  }
  /// Bytes and digest of the whole source, read to its end.
  void finish(ShardCheck& check) {
    skip(UINT64_MAX);
    check.all_bytes = bytes_;
    check.sha256 = hash_.hex();
  }

 private:
  std::unique_ptr<ByteStream> stream_;
  Sha256 hash_;
  uint64_t bytes_ = 0;
  std::vector<char> scratch_ = std::vector<char>(1 << 16);
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

class Checker {
 public:
  Checker(const std::string& url, const ShardCheckOptions& options) : options_(options) { check_.name = shard_name(url); }

  void add_sample(const ShardSample& sample);
  void add_end(const TarReader& archive);
  void add_unreadable(const std::string& message) {
    if (!findings_.contains(ShardProblem::kUnreadable)) note(ShardProblem::kUnreadable, 1, message);
  }
  void add_digest(HashingStream& stream) { stream.finish(check_); }
  ShardCheck take();

 private:
  void note(ShardProblem problem, int64_t count, const std::string& message, const std::string& example = "");
  void require_one(const ShardSample& sample, const std::vector<std::string>& extensions, ShardProblem problem, const char* what);

  const ShardCheckOptions& options_;
  ShardCheck check_;
  std::map<ShardProblem, ShardFinding> findings_;
  std::unordered_set<size_t> files_;  // hashes of names seen
};

void Checker::note(ShardProblem problem, int64_t count, const std::string& message, const std::string& example) {
  ShardFinding& finding = findings_[problem];
  finding.problem = problem;
  finding.count += count;
  finding.message = message;
  if (!example.empty() && finding.examples.size() < options_.max_examples) finding.examples.push_back(example);
}

void Checker::require_one(const ShardSample& sample, const std::vector<std::string>& extensions, ShardProblem problem,
                          const char* what) {
  const auto there = [&](const std::string& extension) { return sample.find(extension) != nullptr; };
  if (extensions.empty() || std::any_of(extensions.begin(), extensions.end(), there)) return;
  std::vector<std::string> present;
  for (const auto& file : sample.files) present.push_back(file.first);
  note(problem, 1, std::string("samples without ") + what + ": none of the extensions " + joined(extensions),
       sample.key + " (has " + joined(present) + ")");
}

void Checker::add_sample(const ShardSample& sample) {
  ++check_.samples;
  check_.last_key = sample.key;
  if (!sample.problem.empty())
    return note(ShardProblem::kOversized, 1, "the last of these samples " + sample.problem, sample.key);
  bool again = false;
  for (const auto& [extension, data] : sample.files) {
    ++check_.extensions[extension];
    again = !files_.insert(std::hash<std::string>()(sample.key + "." + extension)).second || again;
  }
  if (again) {
    note(ShardProblem::kDuplicate, 1, "files of the same name came before; give every sample a key of its own", sample.key);
  } else if (sample.interleaved) {
    note(ShardProblem::kInterleaved, 1,
         "the files of these samples do not lie together and are read as several samples; pack them sorted by name", sample.key);
  }
  require_one(sample, options_.image_extensions, ShardProblem::kNoImage, "an image");
  require_one(sample, options_.caption_extensions, ShardProblem::kNoCaption, "a caption");
}

void Checker::add_end(const TarReader& archive) {
  check_.bytes = archive.position();
  const std::string at = "byte " + std::to_string(archive.position());
  const std::string last =
      check_.samples > 0 ? "; the last whole sample is " + check_.last_key : "; there is no whole sample in it";
  if (archive.links() > 0)
    note(ShardProblem::kLinks, archive.links(),
         "links to other files, which have no data of their own; pack with tar --dereference --hard-dereference");
  if (archive.truncated()) {
    note(ShardProblem::kTruncated, 1, "cut at " + at + last + "; get the shard again");
  } else if (archive.has_trailing_data()) {
    note(ShardProblem::kTrailingData, 1, "data after the archive's end at " + at + " are not read; keep joined archives apart");
  } else if (!archive.has_end_mark() && !findings_.contains(ShardProblem::kUnreadable)) {
    note(ShardProblem::kNoEndMark, 1, "no end mark at " + at + last + "; compare with the number of samples it should have");
  }
}

ShardCheck Checker::take() {
  for (auto& [problem, finding] : findings_) check_.findings.push_back(std::move(finding));
  return std::move(check_);
}

}  // namespace

const char* problem_name(ShardProblem problem) {
  static constexpr const char* kNames[] = {"unreadable", "truncated",   "trailing_data", "no_end_mark", "links",
                                           "duplicate",  "interleaved", "oversized",     "no_image",    "no_caption"};
  return kNames[static_cast<size_t>(problem)];
}

ShardCheck check_shard(const std::string& url, const ShardCheckOptions& options,
                       const std::function<void(const ShardSample&)>& visit) {
  Checker checker(url, options);
  HashingStream* hashing = nullptr;
  std::optional<ShardReader> reader;
  ShardSample sample;
  const auto open = [&] {
    auto stream = open_stream(url, options.stream);
    if (options.digest) {
      auto hashed = std::make_unique<HashingStream>(std::move(stream));
      hashing = hashed.get();
      stream = std::move(hashed);
    }
    reader.emplace(std::move(stream), shown_url(url));
  };
  /// What `read` gives; false, and a finding, where the shard cannot be read.
  const auto guarded = [&](const auto& read) {
    try {
      return read();
    } catch (const ReadStopped&) {
      throw;
    } catch (const Error& error) {
      checker.add_unreadable(error.what());
      return false;
    }
  };
  const auto read_next = [&] {
    if (!reader) open();
    return reader->next(sample, visit != nullptr);
  };
  while (guarded(read_next)) {
    checker.add_sample(sample);
    if (visit && sample.problem.empty()) visit(sample);
  }
  if (reader) checker.add_end(reader->archive());
  if (hashing) guarded([&] { return checker.add_digest(*hashing), true; });
  return checker.take();
}

}  // namespace fsc
