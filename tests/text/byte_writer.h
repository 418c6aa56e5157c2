// Files of the text model written by hand: numbers, strings and lists as scripts/lib/export_spacy.py lays them out.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "text/detail_reader.h"

namespace fsc::test {

class ByteWriter {
 public:
  template <class T>
  ByteWriter& number(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    text_.append(bytes, sizeof(T));
    return *this;
  }
  ByteWriter& u8(uint8_t value) { return number(value); }
  ByteWriter& u16(uint16_t value) { return number(value); }
  ByteWriter& u32(uint32_t value) { return number(value); }
  ByteWriter& u64(uint64_t value) { return number(value); }
  ByteWriter& string(std::string_view value) {
    u32(static_cast<uint32_t>(value.size()));
    text_ += value;
    return *this;
  }
  ByteWriter& strings(const std::vector<std::string>& values) {
    u32(static_cast<uint32_t>(values.size()));
    for (const std::string& value : values) string(value);
    return *this;
  }
  ByteWriter& floats(const std::vector<float>& values) {
    for (const float value : values) number(value);
    return *this;
  }
  const std::string& text() const { return text_; }
  /// Over the bytes written so far; no more may be written while it is used.
  detail::Reader reader() const { return detail::Reader(text_, "by_hand.bin"); }

 private:
  std::string text_;
};

/// A file of the model that scripts/setup makes, for tests of one stage.
inline const std::string& real_model_file(const std::string& name) {
  static std::vector<std::pair<std::string, std::string>> files;
  for (const auto& file : files)
    if (file.first == name) return file.second;
  files.reserve(8);  // what is handed out stays in its place
  return files.emplace_back(name, read_file(find_asset("text_model/" + name))).second;
}

}  // namespace fsc::test
