// Reads SugarCrepe-style JSON; objects are kept in file order because the ids of some files have gaps.
#include <nlohmann/json.hpp>

#include "eval/datasets/detail_pair_json.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc::detail {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

std::string field(const ordered_json& item, const char* name, const std::string& where) {
  const auto it = item.find(name);
  if (it == item.end()) {
    std::string there;
    for (const auto& [key, value] : item.items()) there += (there.empty() ? "" : ", ") + key;
    throw Error(where + " has no \"" + name + "\"; it has: " + (there.empty() ? "nothing" : there));
  }
  if (!it->is_string()) throw Error(where + ": \"" + name + "\" must be a text, got " + it->dump().substr(0, 80));
  return it->get<std::string>();
}

}  // namespace

void read_pair_json(const fs::path& file, const fs::path& image_folder, const std::vector<std::string>& part,
                    std::vector<CaptionChoiceItem>& items) {
  ordered_json json;
  try {
    json = ordered_json::parse(read_file(file));
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + " is not valid JSON: " + error.what());
  }
  const std::string expected = "; expected {\"0\": {\"filename\": ..., \"caption\": ..., \"negative_caption\": ...}, ...}";
  if (!json.is_object()) throw Error(file.string() + " holds no map of items" + expected);
  if (json.empty()) throw Error(file.string() + " holds no items" + expected);
  for (const auto& [id, item] : json.items()) {
    const std::string where = file.string() + ", item \"" + id + "\"";
    if (!item.is_object()) throw Error(where + " is no map" + expected);
    const std::string name = field(item, "filename", where);
    if (name.empty()) throw Error(where + ": \"filename\" is empty");
    items.push_back({part, id, image_folder / name, field(item, "caption", where), {field(item, "negative_caption", where)}});
  }
}

fs::path only_image_folder(const TaskConfig& config) {
  const auto it = config.images.find("");
  if (config.images.size() != 1 || it == config.images.end())
    throw UsageError("the task " + config.shown() + " has one folder of images; write images: FOLDER instead of a map");
  return it->second;
}

}  // namespace fsc::detail
