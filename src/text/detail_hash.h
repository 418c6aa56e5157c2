// The two MurmurHash functions by which spaCy numbers words and finds rows of its embedding tables.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fsc::detail {

/// MurmurHash64A with seed 1: a word's number.
inline uint64_t word_hash(std::string_view text) {
  constexpr uint64_t kFactor = 0xC6A4A7935BD1E995;
  uint64_t value = 1 ^ (text.size() * kFactor);
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t block;
    std::memcpy(&block, text.data(), 8);
    block *= kFactor;
    block = (block ^ (block >> 47)) * kFactor;
    value = (value ^ block) * kFactor;
  }
  if (!text.empty()) {
    uint64_t rest = 0;
    for (size_t i = text.size(); i-- > 0;) rest = rest << 8 | static_cast<unsigned char>(text[i]);
    value = (value ^ rest) * kFactor;
  }
  value = (value ^ (value >> 47)) * kFactor;
  return value ^ (value >> 47);
}

/// MurmurHash3_x64_128 of the number's eight bytes: four rows, before they are taken modulo the table's size.
inline std::array<uint32_t, 4> row_hash(uint64_t number, uint32_t seed) {
  const auto mix = [](uint64_t value) {
    value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD;
    value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53;
    return value ^ (value >> 33);
  };
  uint64_t low = seed ^ (std::rotl(number * 0x87C37B91114253D5, 31) * 0x4CF5AD432745937F), high = seed;
  low ^= 8;  // the length
  high ^= 8;
  low += high;
  high += low;
  low = mix(low);
  high = mix(high);
  low += high;
  high += low;
  return {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high),
          static_cast<uint32_t>(high >> 32)};
}

}  // namespace fsc::detail
