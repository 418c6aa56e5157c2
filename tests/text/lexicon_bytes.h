// Small lexical files written by hand, and the way to damage any of them.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc::test {

class Bytes {
 public:
  Bytes& u32(const std::vector<uint32_t>& values) {
    for (const uint32_t value : values) {
      for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(value >> shift & 0xFF);
    }
    return *this;
  }
  Bytes& u8(const std::vector<uint8_t>& values) {
    bytes_.append(values.begin(), values.end());
    return *this;
  }
  Bytes& pool(const std::vector<std::string>& strings) {
    std::vector<uint32_t> starts = {static_cast<uint32_t>(strings.size()), 0};
    std::string all;
    for (const auto& string : strings) starts.push_back(static_cast<uint32_t>((all += string).size()));
    u32(starts);
    bytes_ += all;
    return *this;
  }
  Bytes& lists(const std::vector<std::vector<uint32_t>>& rows) {
    std::vector<uint32_t> starts = {0}, values;
    for (const auto& row : rows) {
      values.insert(values.end(), row.begin(), row.end());
      starts.push_back(static_cast<uint32_t>(values.size()));
    }
    return u32(starts).u32(values);
  }
  const std::string& text() const { return bytes_; }

 private:
  std::string bytes_;
};

/// The file of the text model that scripts/setup makes.
inline std::string model_file(const std::string& name) { return read_file(find_asset("text_model/" + name)); }

/// Every cut of `bytes` is refused as damaged; a byte too many as well.
inline void expect_cuts_refused(const std::string& bytes, const std::function<void(std::string_view)>& parse) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(parse(std::string_view(bytes).substr(0, size)), Error) << size << " of " << bytes.size() << " bytes";
  }
  EXPECT_THROW(parse(bytes + "\n"), Error);
}

/// Whatever 32 bits stand in whatever place, `parse` either works or throws Error; both happen.
inline void expect_numbers_checked(const std::string& bytes, const std::function<void(std::string_view)>& parse) {
  size_t read = 0, refused = 0;
  for (size_t at = 0; at + 4 <= bytes.size(); ++at) {
    for (const uint32_t value : {0u, 1u, 2u, 7u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      std::string damaged = bytes;
      damaged.replace(at, 4, Bytes().u32({value}).text());
      try {
        parse(damaged);
        ++read;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(read, 0u);
  EXPECT_GT(refused, 0u);
}

}  // namespace fsc::test
