// *.safetensors.index.json and pytorch_model.bin.index.json: which tensor lies in which shard.
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "fsc/core/error.h"
#include "io/detail_readers.h"

namespace fsc::detail {
namespace {

using nlohmann::json;
constexpr size_t kMaxIndexedTensors = 50'000;
constexpr uint64_t kMaxIndex = 4 << 20;  // that of a large language model has 100 KB

/// (tensor, shard) in the order of the text.
using WeightMap = std::vector<std::pair<std::string, std::string>>;

/// Takes the texts of "weight_map" and lets everything else go by, so that no hostile document is ever built.
class WeightMapReader : public nlohmann::json_sax<json> {
 public:
  explicit WeightMapReader(const std::string& where) : where_(where) {}
  WeightMap take() {
    if (!seen_) throw Error(where_ + " is JSON but no index of a sharded model: it has no \"weight_map\"");
    return std::move(map_);
  }

  bool start_object(size_t) override {
    if (depth_ == 1 && key_ == "weight_map") {
      if (seen_) throw Error(where_ + ": \"weight_map\" appears twice");
      seen_ = in_map_ = true;
    } else {
      other();
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    if (depth_ == 1) in_map_ = false;
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 1 || in_map_) key_ = std::move(name);
    return true;
  }
  bool string(std::string& value) override {
    if (map_.size() == kMaxIndexedTensors)
      throw Error(where_ + ": \"weight_map\" lists more than " + std::to_string(kMaxIndexedTensors) + " tensors");
    if (in_map_) map_.emplace_back(key_, std::move(value));
    return true;
  }
  bool start_array(size_t) override { return other(), ++depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const std::string&) override { return other(); }
  bool binary(json::binary_t&) override { return other(); }
  bool parse_error(size_t position, const std::string&, const json::exception&) override {
    throw Error(where_ + " is not valid JSON (near its byte " + std::to_string(position) +
                "); the file is damaged, get it again");
  }

 private:
  bool other() const {
    if (in_map_) throw Error(where_ + ": the shard of tensor " + quote_name(key_) + " is no text");
    return true;
  }

  const std::string& where_;
  WeightMap map_;
  std::string key_;
  int depth_ = 0;
  bool in_map_ = false, seen_ = false;
};

void check_shard_name(const std::string& shard, const std::string& tensor, const std::string& where) {
  if (shard.empty() || shard == "." || shard == ".." || shard.size() > 255 || shard.find_first_of("/\\:") != std::string::npos ||
      shard.find('\0') != std::string::npos)
    throw Error(where + ": tensor " + quote_name(tensor) + " is said to lie in " + quote_name(shard) +
                ", which is no plain file name; shards must stand beside the index");
}

}  // namespace

CheckpointFile read_index(const InputFile& file, CheckpointFile (*read)(const std::filesystem::path&)) {
  const std::string where = file.name();
  if (file.size() > kMaxIndex)
    throw Error(where + " is too long for the index of a sharded model: " + std::to_string(file.size()) + " bytes");
  WeightMapReader reader(where);
  const std::string text = file.bytes(0, file.size());
  json::sax_parse(text, &reader);
  const WeightMap weights = reader.take();
  if (weights.empty()) throw Error(where + ": \"weight_map\" names no tensor");

  std::unordered_map<std::string, const std::string*> shard_of;
  std::map<std::string, CheckpointFile> shards;
  for (const auto& [tensor, shard] : weights) {
    check_shard_name(shard, tensor, where);
    const auto [known, is_new] = shard_of.emplace(tensor, &shard);
    if (!is_new)
      throw Error(where + ": tensor " + quote_name(tensor) + " is listed twice, in " + quote_name(*known->second) + " and in " +
                  quote_name(shard));
    if (shards.contains(shard)) continue;
    const std::filesystem::path path = file.path().parent_path() / shard;
    if (std::error_code error; !std::filesystem::exists(path, error))
      throw Error(where + ": the shard " + quote_name(shard) + " is missing (" + path.string() +
                  "); fetch all files of the model");
    shards.emplace(shard, read(path));
  }
  for (const auto& [shard, contents] : shards) {
    for (const auto& [name, tensor] : contents.state.entries()) {
      const auto listed = shard_of.find(name);
      if (listed == shard_of.end())
        throw Error(where + ": the shard " + quote_name(shard) + " holds tensor " + quote_name(name) +
                    ", which the index does not list");
      if (*listed->second == shard) continue;
      throw Error(where + ": tensor " + quote_name(name) + " lies in " + quote_name(shard) + ", the index says " +
                  quote_name(*listed->second) + (shards.at(*listed->second).state.find(name) ? ", where it lies too" : ""));
    }
  }

  CheckpointFile whole;
  whole.kind = shards.begin()->second.kind;
  for (const auto& [shard, contents] : shards)
    whole.state.metadata.insert(contents.state.metadata.begin(), contents.state.metadata.end());
  for (const auto& [name, shard] : weights) {
    const torch::Tensor* tensor = shards.at(shard).state.find(name);
    if (!tensor)
      throw Error(where + ": tensor " + quote_name(name) + " is not in " + quote_name(shard) + ", where the index says it is");
    whole.state.add(name, *tensor);
  }
  return whole;
}

}  // namespace fsc::detail
