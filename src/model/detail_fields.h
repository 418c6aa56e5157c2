// One JSON object of a model config whose fields are asked for by name; what nobody asked for is an error.
#pragma once
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fsc/core/error.h"

namespace fsc::detail {

class Fields {
 public:
  using json = nlohmann::json;

  Fields(const json& object, std::string path, const std::string& where)
      : object_(object), path_(std::move(path)), where_(where) {
    if (!object_.is_object()) fail("", "a JSON object is expected, it is " + object_.dump());
  }

  int64_t integer(const char* key, std::optional<int64_t> fallback, int64_t low, int64_t high) {
    const json* value = find(key);
    if (!value && fallback) return *fallback;
    if (!value) fail(key, "is missing");
    const bool ok = value->is_number_integer() && *value >= low && *value <= high;
    if (!ok)
      fail(key, "is " + value->dump() + ", a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                    " is expected");
    return value->get<int64_t>();
  }
  double number(const char* key, double fallback, double above, double high) {
    const json* value = find(key);
    if (!value) return fallback;
    const bool ok = value->is_number() && *value > above && *value <= high;
    if (!ok)
      fail(key,
           "is " + value->dump() + ", a number above " + json(above).dump() + " and up to " + json(high).dump() + " is expected");
    return value->get<double>();
  }
  std::optional<double> optional_number(const char* key) {
    const json* value = find(key);
    if (!value || value->is_null()) return std::nullopt;
    if (!value->is_number()) fail(key, "is " + value->dump() + ", a number or null is expected");
    return value->get<double>();
  }
  bool boolean(const char* key, bool fallback) {
    const json* value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) fail(key, "is " + value->dump() + ", true or false is expected");
    return value->get<bool>();
  }
  /// A string; "" when it is absent or null.
  std::string text(const char* key) {
    const json* value = find(key);
    if (!value || value->is_null()) return "";
    if (!value->is_string()) fail(key, "is " + value->dump() + ", a string is expected");
    return value->get<std::string>();
  }
  /// One of `choices`, the first when it is absent or null; another value is refused.
  std::string choice(const char* key, const std::vector<std::string>& choices) {
    const std::string value = text(key);
    if (value.empty()) return choices[0];
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    std::string all;
    for (const auto& each : choices) all += (all.empty() ? "" : ", ") + each;
    fail(key, "is " + json(value).dump() + ", which this version does not support (only " + all + ")");
  }
  bool has(const char* key) {
    const json* value = find(key);
    return value && !value->is_null();
  }
  Fields object(const char* key) {
    const json* value = find(key);
    if (!value) fail(key, "is missing");
    return Fields(*value, path_ + key + ".", where_);
  }
  /// A choice of open_clip's that this version has only at its default (null, false, 0 and "" mean the same).
  void only_default(const char* key, const json& standard) {
    const json* value = find(key);
    if (!value || value->is_null() || *value == standard || (is_off(*value) && is_off(standard))) return;
    fail(key, "is " + value->dump() + ", which this version does not support (only " + standard.dump() + ")");
  }
  /// A field without effect on the models this version builds.
  void ignore(const char* key) { find(key); }

  void finish() const {
    for (const auto& item : object_.items()) {
      if (known_.count(item.key())) continue;
      const std::string nearest = nearest_name(item.key(), {known_.begin(), known_.end()});
      fail(item.key(), "is not a field of open_clip's model configs that this version knows" +
                           (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
  }
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const {
    std::string field = path_ + key;
    if (!field.empty() && field.back() == '.') field.pop_back();
    throw Error(where_ + ": " + (field.empty() ? "" : field + ": ") + problem);
  }

 private:
  static bool is_off(const json& value) { return value.is_null() || value == false || value == 0 || value == ""; }
  const json* find(const char* key) {
    known_.insert(key);
    const auto it = object_.find(key);
    return it == object_.end() ? nullptr : &*it;
  }

  const json& object_;
  std::string path_;
  const std::string& where_;
  std::set<std::string> known_;
};

}  // namespace fsc::detail
