// Samples into tar files that ShardReader gives back unchanged, and the two JSON files that describe them.
#include "fsc/shards/shard_writer.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/shards/tar_writer.h"

namespace fsc {
namespace {

/// Error unless the reader finds this very key and extension in the file's name.
void check_file_name(const std::string& shard, const std::string& key, const std::string& extension) {
  const auto [read_key, read_extension] = split_shard_file(key + "." + extension);
  if (read_key == key && read_extension == extension && !key.empty() && extension.find('/') == std::string::npos) return;
  throw Error(shard + ": a sample cannot be called '" + key + "' with a file '" + extension +
              "': no dot in the last part of a key, nor \"__\" before it; extensions in lower case and without a slash");
}

void check_sample(const std::string& shard, const ShardSample& sample) {
  const auto fail = [&](const std::string& problem) { throw Error(shard + ": the sample '" + sample.key + "' " + problem); };
  if (sample.files.empty()) fail("has no files");
  if (sample.files.size() > static_cast<size_t>(kMaxSampleFiles))
    fail("has more than " + std::to_string(kMaxSampleFiles) + " files");
  uint64_t bytes = 0;
  for (const auto& [extension, data] : sample.files) bytes += sample.key.size() + 1 + extension.size() + data.size();
  if (bytes > kMaxSampleBytes) fail("has more than the " + std::to_string(kMaxSampleBytes >> 20) + " MiB that a sample may have");
  for (auto it = sample.files.begin(); it != sample.files.end(); ++it) {
    check_file_name(shard, sample.key, it->first);
    const auto same = [&](const auto& other) { return other.first == it->first; };
    if (std::any_of(sample.files.begin(), it, same)) fail("has two files '" + it->first + "'");
  }
}

}  // namespace

std::vector<ShardRange> plan_shards(std::span<const uint64_t> sample_bytes, const ShardLayout& layout) {
  std::vector<ShardRange> ranges;
  uint64_t bytes = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(sample_bytes.size()); ++i) {
    const uint64_t size = sample_bytes[static_cast<size_t>(i)];
    const bool fits = !ranges.empty() && i - ranges.back().first < layout.max_samples && bytes <= layout.max_bytes &&
                      size <= layout.max_bytes - bytes;
    if (!fits) {
      ranges.push_back({i, i});
      bytes = 0;
    }
    bytes += size;
    ranges.back().last = i + 1;
  }
  return ranges;
}

ShardWriter::ShardWriter(ShardLayout layout) : layout_(std::move(layout)) {
  if (layout_.prefix.empty() || layout_.prefix.find('/') != std::string::npos)
    throw Error("the shards' prefix '" + layout_.prefix +
                "' is the beginning of a file's name: one letter at least, and no slash");
  if (layout_.max_samples < 1 || layout_.max_bytes < 1) throw Error("a shard has room for one sample and one byte at least");
  make_directories(layout_.folder);
}

std::string ShardWriter::name(int64_t number) const {
  char digits[32];
  std::snprintf(digits, sizeof digits, "-%06lld.tar", static_cast<long long>(number));
  return layout_.prefix + digits;
}

ShardRecord ShardWriter::write(int64_t number, const std::function<bool(ShardSample&)>& next) const {
  const std::filesystem::path path = layout_.folder / name(number);
  ShardRecord record = {name(number), 0, 0, ""};
  TarWriter tar(path);
  std::unordered_set<std::string> keys;
  for (ShardSample sample; next(sample); ++record.samples) {
    check_sample(path.string(), sample);
    if (!keys.insert(sample.key).second) throw Error(path.string() + ": two samples have the key '" + sample.key + "'");
    for (const auto& [extension, bytes] : sample.files) tar.add(sample.key + "." + extension, bytes);
  }
  tar.finish();
  record.bytes = tar.size();
  record.sha256 = sha256_file(path);
  return record;
}

void write_sizes(const std::filesystem::path& folder, std::vector<ShardRecord> shards) {
  std::sort(shards.begin(), shards.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  nlohmann::json sizes = nlohmann::json::object();
  nlohmann::ordered_json index = {{"format", 1}, {"shards", nlohmann::ordered_json::array()}};
  for (const auto& shard : shards) {
    sizes[shard.name] = shard.samples;
    index["shards"].push_back(
        {{"name", shard.name}, {"samples", shard.samples}, {"bytes", shard.bytes}, {"sha256", shard.sha256}});
  }
  const auto text = [](const auto& document) {
    return document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  };
  write_file_atomic(folder / "sizes.json", text(sizes));
  write_file_atomic(folder / "index.json", text(index));
}

}  // namespace fsc
