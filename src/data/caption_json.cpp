// COCO's captions JSON and Karpathy's JSON as pairs; every field is checked before it is used.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "data/detail_json_negatives.h"
#include "data/detail_pairs.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

/// A document and the words for what is wrong with it.
class Document {
 public:
  explicit Document(const SourceConfig& source) : path_(source.path) {
    try {
      root_ = json::parse(read_file(path_));
    } catch (const json::parse_error& error) {
      throw Error(path_ + " is not valid JSON (byte " + std::to_string(error.byte) +
                  "): is the download complete, and data.train.format right?");
    }
  }

  const json& list(const char* key, const char* expected) const {
    if (!root_.is_object() || !root_.contains(key) || !root_[key].is_array())
      fail(std::string("has no list \"") + key + "\"; expected " + expected);
    return root_[key];
  }

  /// A text under `key` of the element that `place` names.
  std::string text(const json& element, const char* key, const std::string& place) const {
    if (!element.is_object() || !element.contains(key) || !element[key].is_string())
      fail(place + " has no text \"" + std::string(key) + "\"");
    return element[key].get<std::string>();
  }

  /// The list of negatives beside a caption of image `image`; none where none is asked for or the caption has no such key.
  NegativeTexts negatives(const json& element, const std::string& key, const std::string& place, const std::string& image) {
    if (key.empty() || !element.contains(key)) return {};
    const json& list = element[key];
    if (!list.is_array()) fail(place + ": \"" + key + "\" (negatives.column) is no list of texts");
    some_negatives_ = true;
    auto negatives = negatives_of(list);
    if (negatives.wrong)
      throw Error(path_ + ", " + place + " (" + image + "), column " + key + ": column " +
                  std::to_string(column_of(list, *negatives.wrong)) + ": expected a string in quotes, None or null");
    return std::move(negatives.texts);
  }
  void check_negatives(const std::string& key) const {
    if (!key.empty() && !some_negatives_)
      fail("has no \"" + key + "\" (negatives.column) beside any caption; set negatives.source to generate or none");
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(path_ + ": " + what); }

 private:
  /// Where an element begins in the list as text, in characters from 1.
  static size_t column_of(const json& list, size_t element) {
    size_t column = 2;
    for (size_t i = 0; i < element; ++i) {
      const std::string text = list[i].dump();
      const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
      column += static_cast<size_t>(std::count_if(text.begin(), text.end(), begins)) + 1;
    }
    return column;
  }

  std::string path_;
  json root_;
  bool some_negatives_ = false;
};

}  // namespace

JsonNegatives negatives_of(const json& list) {
  JsonNegatives negatives;
  for (const auto& item : list) {
    const std::string* text = item.get_ptr<const std::string*>();
    if (!text && !item.is_null() && !negatives.wrong) negatives.wrong = negatives.texts.size();
    if (text && !is_blank_negative(*text))
      negatives.texts.emplace_back(*text);
    else
      negatives.texts.emplace_back(std::nullopt);
  }
  return negatives;
}

namespace {

std::string number_text(const json& id) { return id.dump(); }  // ids are numbers in COCO, texts in some of its offspring

}  // namespace

std::vector<Pair> read_coco_pairs(const SourceConfig& source, const std::string& negative_column) {
  static const char* kShape =
      R"(COCO's captions: {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "…"}]})";
  Document document(source);
  const auto root = image_root_of(source);
  std::unordered_map<std::string, std::string> files;
  size_t number = 0;
  for (const auto& image : document.list("images", kShape)) {
    const std::string place = "image " + std::to_string(++number);
    std::string file = document.text(image, "file_name", place);
    if (!image.contains("id")) document.fail(place + " has no \"id\"");
    if (file.empty()) document.fail(place + " has an empty \"file_name\"");
    files[number_text(image["id"])] = std::move(file);
  }
  std::vector<Pair> pairs;
  number = 0;
  for (const auto& annotation : document.list("annotations", kShape)) {
    const std::string place = "annotation " + std::to_string(++number);
    std::string caption = document.text(annotation, "caption", place);
    if (!annotation.contains("image_id")) document.fail(place + " has no \"image_id\"");
    const auto file = files.find(number_text(annotation["image_id"]));
    if (file == files.end())
      document.fail(place + " belongs to image " + number_text(annotation["image_id"]) + ", which \"images\" does not list");
    pairs.push_back({root / file->second, file->second, std::move(caption),
                     document.negatives(annotation, negative_column, place, file->second), ", " + place});
  }
  if (pairs.empty()) document.fail("has no annotations");
  document.check_negatives(negative_column);
  return pairs;
}

std::vector<Pair> read_karpathy_pairs(const SourceConfig& source, const std::string& negative_column) {
  static const char* kShape = R"(Karpathy's: {"images": [{"filename": "a.jpg", "split": "train", "sentences": [{"raw": "…"}]}]})";
  Document document(source);
  const auto root = image_root_of(source);
  const std::set<std::string> wanted(source.split.begin(), source.split.end());
  std::map<std::string, size_t> splits;
  std::vector<Pair> pairs;
  size_t number = 0;
  for (const auto& image : document.list("images", kShape)) {
    const std::string place = "image " + std::to_string(++number);
    const std::string split = document.text(image, "split", place), name = document.text(image, "filename", place);
    if (name.empty()) document.fail(place + " has an empty \"filename\"");
    ++splits[split];
    if (wanted.count(split) == 0) continue;
    const std::string folder =
        image.contains("filepath") ? document.text(image, "filepath", place) : "";  // COCO's: train2014, val2014
    const std::string key = folder.empty() ? name : folder + "/" + name;
    if (!image.contains("sentences") || !image["sentences"].is_array()) document.fail(place + " has no list \"sentences\"");
    size_t sentence_number = 0;
    for (const auto& sentence : image["sentences"]) {
      const std::string where = place + ", sentence " + std::to_string(++sentence_number);
      pairs.push_back({root / key, key, document.text(sentence, "raw", where),
                       document.negatives(sentence, negative_column, where, key), ", " + where});
    }
  }
  if (pairs.empty()) {
    std::string there;
    for (const auto& [split, count] : splits)
      there += (there.empty() ? "" : ", ") + split + " (" + std::to_string(count) + " images)";
    document.fail("has no captions in the splits asked for (split); there are: " + (there.empty() ? "none" : there));
  }
  document.check_negatives(negative_column);
  return pairs;
}

}  // namespace fsc::detail
