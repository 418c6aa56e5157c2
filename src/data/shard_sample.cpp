// Text keys by priority or chance, lists of captions, images and negatives of a webdataset sample.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/detail_json_negatives.h"
#include "data/detail_shard_sample.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

/// nullopt for what is no JSON object.
std::optional<json> object_of(const std::string& bytes) {
  json value = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

}  // namespace

ShardSampleReader::ShardSampleReader(const TrainSourceConfig& config, std::string negative_column)
    : image_keys_(config.image_key), negative_column_(std::move(negative_column)), weighted_(!config.caption_weights.empty()) {
  for (size_t i = 0; i < config.caption_key.size(); ++i) {
    const std::string& text = config.caption_key[i];
    const size_t colon = text.find(':');
    CaptionKey key{text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1),
                   weighted_ ? config.caption_weights[i] : 1.0};
    if (key.extension.empty() || (colon != std::string::npos && key.name.empty()))
      throw UsageError("data.train.caption_key: '" + text +
                       "' is none of: an extension such as txt, a key of a JSON file such as json:caption, a folder of texts "
                       "such as dir:captions");
    keys_.push_back(std::move(key));
  }
}

std::string ShardSampleReader::caption_keys() const {
  std::string text;
  for (const auto& key : keys_) text += (text.empty() ? "" : ", ") + key.extension + (key.name.empty() ? "" : ":" + key.name);
  return text;
}

std::string ShardSampleReader::contents(const ShardSample& sample) {
  std::string text;
  for (const auto& [extension, bytes] : sample.files) {
    text += (text.empty() ? "" : ", ") + extension;
    const auto object = bytes.size() > 1 && bytes[0] == '{' ? object_of(bytes) : std::nullopt;
    if (!object) continue;
    std::string names;
    for (const auto& item : object->items()) names += (names.empty() ? "" : ", ") + item.key();
    text += " (" + names + ")";
  }
  return text.empty() ? "nothing" : text;
}

std::vector<std::string> ShardSampleReader::captions_under(const ShardSample& sample, const CaptionKey& key) const {
  if (key.extension == "dir") {
    const auto file = std::filesystem::path(key.name) / (sample.key.substr(sample.key.rfind('/') + 1) + ".txt");
    if (!std::filesystem::exists(file)) return {};
    return {trimmed(read_file(file))};
  }
  const std::string* bytes = sample.find(key.extension);
  if (!bytes) return {};
  if (key.name.empty()) return {trimmed(*bytes)};
  const auto object = object_of(*bytes);
  if (!object || !object->contains(key.name)) return {};
  const json& value = (*object)[key.name];
  std::vector<std::string> captions;
  if (value.is_string()) captions.push_back(value.get<std::string>());
  if (value.is_array())
    for (const auto& item : value)
      if (item.is_string()) captions.push_back(item.get<std::string>());
  return captions;
}

std::vector<std::string> ShardSampleReader::captions(const ShardSample& sample) const {
  std::vector<std::string> all;
  for (const auto& key : keys_)
    for (auto& caption : captions_under(sample, key)) all.push_back(std::move(caption));
  return all;
}

const std::string* ShardSampleReader::image(const ShardSample& sample) const {
  for (const auto& key : image_keys_)
    if (const auto* bytes = sample.find(key)) return bytes;
  return nullptr;
}

void ShardSampleReader::read(ShardSample&& sample, Rng& choice, RawSample& raw) const {
  const std::string* image_bytes = image(sample);
  if (!image_bytes) {
    std::string keys;
    for (const auto& key : image_keys_) keys += (keys.empty() ? "" : ", ") + key;
    raw.fail(SampleProblem::kImage, "has no image (image_key: " + keys + "); it has: " + contents(sample));
    return;
  }
  std::vector<std::vector<std::string>> found;
  std::vector<double> weights;
  double total = 0;
  for (const auto& key : keys_) {
    auto captions = captions_under(sample, key);
    if (captions.empty()) continue;
    found.push_back(std::move(captions));
    weights.push_back(key.weight);
    total += key.weight;
    if (!weighted_) break;
  }
  if (found.empty() || total <= 0) {
    raw.fail(SampleProblem::kCaption, "has no caption (caption_key: " + caption_keys() + "); it has: " + contents(sample));
    return;
  }
  size_t chosen = 0;
  if (weighted_)
    for (double at = choice.uniform() * total; chosen + 1 < found.size() && at >= weights[chosen]; ++chosen)
      at -= weights[chosen];
  raw.caption = found[chosen].size() == 1 ? std::move(found[chosen][0]) : choice.pick(found[chosen]);
  raw.image = hash_text(*image_bytes);
  if (!negative_column_.empty()) {
    const std::string* bytes = sample.find("json");
    const auto object = bytes ? object_of(*bytes) : std::nullopt;
    if (object && object->contains(negative_column_) && (*object)[negative_column_].is_array())
      raw.listed = negatives_of((*object)[negative_column_]).texts;
  }
  raw.image_bytes = std::move(*const_cast<std::string*>(image_bytes));  // it lies in `sample`, which is ours
}

}  // namespace fsc::detail
