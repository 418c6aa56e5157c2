// Reads sizes.json and index.json, once a folder, and believes no number unseen.
#include "fsc/shards/shard_index.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "fsc/core/error.h"
#include "fsc/shards/shard_list.h"
#include "shards/detail_streams.h"

namespace fsc {
namespace {
using nlohmann::json;

constexpr uint64_t kLargestFile = 512 << 20;  // a million shards in index.json

/// Folder of a shard with its slash, "" for the current one; nothing where a shard has none.
std::optional<std::string> folder_of(const std::string& shard) {
  if (shard.starts_with(detail::kPipePrefix)) return std::nullopt;
  const bool url = is_remote(shard) || shard.find("://") != std::string::npos;
  const std::string path = url ? shard.substr(0, shard.find_first_of("?#")) : shard;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// A JSON file that may be absent; what is no JSON becomes a discarded value.
std::optional<json> read_json(const std::string& url, const StreamOptions& options) {
  try {
    return json::parse(read_all(url, options, kLargestFile), nullptr, /*allow_exceptions=*/false);
  } catch (const detail::NotFound&) {
    return std::nullopt;
  }
}

/// A whole number from 0 to `most`.
std::optional<uint64_t> count_of(const json& value, uint64_t most) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0)) return std::nullopt;
  const auto count = value.get<uint64_t>();
  return count <= most ? std::optional(count) : std::nullopt;
}

std::string most_samples() { return "from 0 to " + std::to_string(kMaxShardSamples); }

using Sizes = std::map<std::string, int64_t>;

Sizes read_sizes(const std::string& folder, const StreamOptions& options) {
  const std::string url = folder + "sizes.json", name = shown_url(url);
  const std::string expected = "; expected {\"name.tar\": number of samples, …}. Correct or delete it";
  const auto document = read_json(url, options);
  if (!document) return {};
  if (!document->is_object()) throw Error(name + " is no JSON object" + expected);
  Sizes sizes;
  for (const auto& [shard, value] : document->items()) {
    const auto count = count_of(value, kMaxShardSamples);
    if (!count) throw Error(name + ": the value of \"" + shard + "\" is no count of samples, " + most_samples() + expected);
    sizes[shard] = static_cast<int64_t>(*count);
  }
  return sizes;
}

/// nullopt where there is none.
using Index = std::optional<std::map<std::string, ShardRecord>>;

std::optional<ShardRecord> record_of(const json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const json name = entry.value("name", json()), digest = entry.value("sha256", json());
  const auto samples = count_of(entry.value("samples", json()), kMaxShardSamples);
  const auto bytes = count_of(entry.value("bytes", json()), INT64_MAX);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!name.is_string() || !digest.is_string() || !samples || !bytes) return std::nullopt;
  const auto& hex = digest.get_ref<const std::string&>();
  if (hex.size() != 64 || !std::all_of(hex.begin(), hex.end(), is_hex)) return std::nullopt;
  return ShardRecord{.name = name, .samples = static_cast<int64_t>(*samples), .bytes = *bytes, .sha256 = hex};
}

Index read_index(const std::string& folder, const StreamOptions& options) {
  const std::string url = folder + "index.json", name = shown_url(url);
  const auto document = read_json(url, options);
  if (!document) return std::nullopt;
  const auto fail = [&](const std::string& problem) {
    throw Error(name + " " + problem +
                R"(; expected {"format": 1, "shards": [{"name", "samples", "bytes", "sha256"}, …]}. )"
                "Delete it, and let fsc-data check --write-sizes make it anew");
  };
  if (!document->is_object() || !document->contains("shards") || !(*document)["shards"].is_array()) fail("is no list of shards");
  if (document->value("format", json()) != 1) fail("is not of format 1");
  std::map<std::string, ShardRecord> records;
  for (const auto& entry : (*document)["shards"]) {
    auto record = record_of(entry);
    const std::string place = "shards[" + std::to_string(records.size()) + "]";
    if (!record) fail("has no name, no SHA-256 in small letters, or no count (of samples, " + most_samples() + ") in " + place);
    const std::string shard = record->name;
    if (!records.emplace(shard, std::move(*record)).second) fail("names " + shard + " twice");
  }
  return records;
}

/// `read` once for each folder of the shards; calls `take` with each shard's place, name, and what was read of its folder.
template <class Read, class Take>
void for_each_folder(const std::vector<std::string>& shards, const Read& read, const Take& take) {
  std::map<std::string, decltype(read(std::string()))> folders;
  for (size_t i = 0; i < shards.size(); ++i) {
    const auto folder = folder_of(shards[i]);
    if (!folder) continue;
    const auto [it, added] = folders.try_emplace(*folder);
    if (added) it->second = read(*folder);
    take(i, shard_name(shards[i]), it->second);
  }
}

}  // namespace

std::vector<std::optional<int64_t>> recorded_sizes(const std::vector<std::string>& shards, const StreamOptions& options) {
  std::vector<std::optional<int64_t>> counts(shards.size());
  for_each_folder(
      shards, [&](const std::string& folder) { return read_sizes(folder, options); },
      [&](size_t place, const std::string& name, const Sizes& sizes) {
        if (const auto found = sizes.find(name); found != sizes.end()) counts[place] = found->second;
      });
  return counts;
}

std::vector<Recorded> recorded_shards(const std::vector<std::string>& shards, const StreamOptions& options) {
  std::vector<Recorded> all(shards.size());
  for_each_folder(
      shards, [&](const std::string& folder) { return read_index(folder, options); },
      [&](size_t place, const std::string& name, const Index& index) {
        if (!index) return;
        all[place].index = true;
        if (const auto found = index->find(name); found != index->end()) all[place].record = found->second;
      });
  return all;
}

}  // namespace fsc
