// Shards in parallel, one a thread at a time; what a shard holds depends on the table only.
#include "fsc/data/pack.h"

#include <fmt/format.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/parallel.h"
#include "fsc/core/rng.h"
#include "fsc/data/table.h"
#include "fsc/image/format.h"
#include "fsc/shards/shard_writer.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// The pairs of one sample.
using Group = std::vector<size_t>;

std::vector<Group> group_pairs(const std::vector<Pair>& pairs, CaptionChoice captions) {
  std::vector<Group> groups;
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [it, fresh] = places.emplace(
        captions == CaptionChoice::kOne ? pairs[i].image.lexically_normal().string() : std::to_string(i), groups.size());
    if (fresh)
      groups.push_back({i});
    else
      groups[it->second].push_back(i);
  }
  return groups;
}

class Packer {
 public:
  explicit Packer(const PackOptions& options)
      : options_(options),
        layout_{.folder = options.output,
                .prefix = options.prefix,
                .max_samples = options.samples_per_shard,
                .max_bytes = options.bytes_per_shard},
        writer_(layout_) {
    if (options.source.captions == CaptionChoice::kOne && !options.negative_column.empty())
      throw UsageError("a column of negatives belongs to one caption: pack it with captions: all");
    pairs_ = read_pairs(options.source, options.negative_column);
    groups_ = group_pairs(pairs_, options.source.captions);
    if (options.shuffle) {
      Rng rng({options.seed, static_cast<uint64_t>(Stream::kShuffle)});
      rng.shuffle(groups_);
    }
    check_output();
  }

  PackReport pack(const std::function<void(int64_t, int64_t)>& progress) {
    const auto ranges = plan();
    const auto shards = static_cast<int64_t>(ranges.size());
    std::vector<Shard> done(static_cast<size_t>(shards));
    std::mutex mutex;
    int64_t finished = 0;
    for_each_index(shards, options_.threads, [&](int64_t i) {
      done[static_cast<size_t>(i)] = pack_one(i, ranges[static_cast<size_t>(i)]);
      const std::lock_guard lock(mutex);
      ++finished;
      if (progress) progress(finished, shards);
    });
    return summarize(done);
  }

 private:
  struct Shard {
    ShardRecord record;
    std::vector<std::string> skipped;
  };

  void check_output() const {
    for (const auto& entry : fs::directory_iterator(options_.output))
      if (entry.path().extension() == ".tar" && entry.path().filename().string().starts_with(options_.prefix + "-"))
        throw Error(options_.output.string() + " holds shards already (" + entry.path().filename().string() +
                    "); choose another folder or prefix");
  }

  /// Which samples go into which shard, by the sizes of their images.
  std::vector<ShardRange> plan() const {
    std::vector<uint64_t> sizes;
    for (const auto& group : groups_) {
      std::error_code error;
      const auto size = fs::file_size(pairs_[group[0]].image, error);
      sizes.push_back(error ? 0 : size);
    }
    return plan_shards(sizes, layout_);
  }

  Shard pack_one(int64_t number, ShardRange range) const {
    Shard shard;
    auto at = static_cast<size_t>(range.first);
    shard.record = writer_.write(number, [&](ShardSample& sample) {
      for (; at < static_cast<size_t>(range.last); ++at) {
        const std::string problem = read(at, sample);
        if (problem.empty()) return ++at, true;
        shard.skipped.push_back(pairs_[groups_[at][0]].key + ": " + problem);
      }
      return false;
    });
    return shard;
  }

  /// Fills in one sample; why it is left out, or "".
  std::string read(size_t number, ShardSample& sample) const {
    const Group& group = groups_[number];
    const Pair& pair = pairs_[group[0]];
    std::string image;
    try {
      image = read_file(pair.image);
    } catch (const Error& error) {
      return error.what();
    }
    const auto format = image_format(image);
    if (!format) return "is not a JPEG, PNG or WebP image";
    if (image.size() > kMaxSampleBytes / 2) return "is larger than " + std::to_string(kMaxSampleBytes >> 21) + " MiB";
    ordered_json about;
    for (const size_t i : group) about["captions"].push_back(pairs_[i].caption);
    about["filepath"] = pair.key;
    if (!options_.negative_column.empty()) {
      auto& list = about[options_.negative_column] = ordered_json::array();
      for (const auto& negative : pair.negatives) list.push_back(negative ? ordered_json(*negative) : ordered_json());
    }
    sample = {.key = fmt::format("{:09d}", number), .files = {}, .index = 0};
    sample.files = {{extension_of(*format), std::move(image)},
                    {"txt", pair.caption},
                    {"json", about.dump(-1, ' ', false, ordered_json::error_handler_t::replace)}};
    return "";
  }

  PackReport summarize(const std::vector<Shard>& shards) const {
    PackReport report;
    std::vector<ShardRecord> records;
    for (const auto& shard : shards) {
      report.skipped.insert(report.skipped.end(), shard.skipped.begin(), shard.skipped.end());
      if (shard.record.samples == 0) {  // nothing was left of it
        fs::remove(options_.output / shard.record.name);
        continue;
      }
      ++report.shards;
      report.samples += shard.record.samples;
      report.bytes += shard.record.bytes;
      records.push_back(shard.record);
    }
    if (report.samples == 0)
      throw Error("none of the " + std::to_string(groups_.size()) + " samples of " + options_.source.path +
                  " can be packed; the first: " + report.skipped[0]);
    write_sizes(options_.output, records);
    return report;
  }

  const PackOptions& options_;
  const ShardLayout layout_;
  const ShardWriter writer_;
  std::vector<Pair> pairs_;
  std::vector<Group> groups_;
};

}  // namespace

PackReport pack_shards(const PackOptions& options, const std::function<void(int64_t, int64_t)>& progress) {
  return Packer(options).pack(progress);
}

}  // namespace fsc
