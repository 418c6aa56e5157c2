// Reads one file of the text model's folder: little-endian numbers and strings, every length checked before it is believed.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fsc/core/error.h"
#include "fsc/core/unicode.h"

namespace fsc::detail {

/// A cursor over bytes that the caller keeps alive. Errors name the file, the byte and the command that makes the file again.
class Reader {
 public:
  Reader(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  float f32() { return number<float>(); }

  /// A u32 that says how many entries of at least `bytes_each` bytes follow; one that the rest cannot hold is an Error.
  uint32_t count(size_t bytes_each) {
    const uint32_t value = u32();
    if (value > left() / bytes_each) fail("announces " + std::to_string(value) + " entries, more than the file holds");
    return value;
  }
  /// A u32 below `limit`; `what` names it in the message.
  uint32_t index(uint32_t limit, const char* what) {
    const uint32_t value = u32();
    if (value >= limit) fail(std::string(what) + " " + std::to_string(value) + " is not below " + std::to_string(limit));
    return value;
  }
  /// `count` bytes, a view into the file.
  std::string_view bytes(size_t count) {
    if (count > left()) fail("ends early: " + std::to_string(count) + " bytes wanted, " + std::to_string(left()) + " left");
    const std::string_view found = bytes_.substr(at_, count);
    at_ += count;
    return found;
  }
  /// u32 length, then the bytes: a view into the file.
  std::string_view string() { return bytes(u32()); }
  /// The same, which must be valid UTF-8.
  std::string text() {
    std::string text(string());
    if (valid_utf8(text) != text) fail("a text before this is no valid UTF-8");
    return text;
  }
  /// `count` numbers.
  template <class T>
  std::vector<T> array(size_t count) {
    static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little, "the files are little-endian");
    if (count > left() / sizeof(T))
      fail("ends early: " + std::to_string(count) + " numbers wanted, " + std::to_string(left()) + " bytes left");
    const std::string_view raw = bytes(count * sizeof(T));
    std::vector<T> values(count);
    if (count) std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }

  size_t left() const { return bytes_.size() - at_; }
  size_t position() const { return at_; }
  const std::string& name() const { return name_; }
  /// Error when bytes are left over.
  void expect_end() const {
    if (left() > 0) fail("has " + std::to_string(left()) + " bytes too many");
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(name_ + ", byte " + std::to_string(at_) + ": " + problem +
                "; the file is damaged, run scripts/setup to make it again");
  }

 private:
  template <class T>
  T number() {
    static_assert(std::endian::native == std::endian::little, "the files are little-endian");
    T value;
    std::memcpy(&value, bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string_view bytes_;
  std::string name_;
  size_t at_ = 0;
};

}  // namespace fsc::detail
