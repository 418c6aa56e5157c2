// What the fuzzers share: how many rounds, changed bytes, hard texts, processor time and memory.
#pragma once
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "fsc/core/rng.h"

namespace fsc::test {

/// FSC_FUZZ_COUNT, or `usual` where it is not set.
inline uint64_t fuzz_count(uint64_t usual) {
  const char* text = std::getenv("FSC_FUZZ_COUNT");
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// Of this process; a busy machine changes nothing.
inline double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The most memory that was in use since its making beyond what was in use then. Where the kernel lets nobody reset the mark,
/// it misses peaks below an earlier one. Under AddressSanitizer, which keeps freed blocks and shadows, it is 0.
class PeakMemory {
 public:
  PeakMemory() {
    ::malloc_trim(0);  // what earlier rounds freed would hide what this one takes
    std::ofstream("/proc/self/clear_refs") << "5";
    before_ = status_bytes("VmRSS");
  }
  uint64_t growth() const {
#if defined(__SANITIZE_ADDRESS__)
    return 0;
#else
    const uint64_t peak = status_bytes("VmHWM");
    return peak > before_ ? peak - before_ : 0;
#endif
  }

 private:
  static uint64_t status_bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1)) * 1024;
    }
    return 0;
  }
  uint64_t before_ = 0;
};

/// One to four small changes; `bytes_of_meaning` are those that mean something in the format.
inline std::string mutated(std::string bytes, std::string_view bytes_of_meaning, Rng& rng) {
  for (uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
    if (bytes.empty()) bytes = "x";
    const size_t at = rng.below(bytes.size());
    switch (rng.below(7)) {
      case 0:
        bytes[at] = static_cast<char>(rng.below(256));
        break;
      case 1:
        bytes[at] = bytes_of_meaning[rng.below(bytes_of_meaning.size())];
        break;
      case 2:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << rng.below(8));
        break;
      case 3:
        bytes.erase(at, 1 + rng.below(8));
        break;
      case 4:
        bytes.insert(at, bytes.substr(rng.below(bytes.size()), rng.below(60)));
        break;
      case 5:
        bytes.replace(at, std::min<size_t>(8, bytes.size() - at), std::string(1 + rng.below(8), rng.below(2) ? '\xFF' : '\0'));
        break;
      default:
        if (rng.below(4) == 0) bytes.resize(at + 1);
    }
  }
  return bytes;
}

inline std::string repeated(std::string_view unit, size_t times) {
  std::string text;
  for (; times > 0; --times) text += unit;
  return text;
}

/// A line of what is hard for tokenizers: broken UTF-8, references in references, piles of marks, long words, controls.
inline std::string hard_text(Rng& rng) {
  using namespace std::string_view_literals;
  static constexpr std::array kPieces = {"a dog"sv,
                                         "The cats' "sv,
                                         "isn't it?"sv,
                                         " "sv,
                                         "  \t"sv,
                                         "e\u0301"sv,
                                         "\u0316\u0301\u0344\u0345"sv,
                                         "\u0130\u03A3"sv,
                                         "\u732B"sv,
                                         "\U0001F436\u200D"sv,
                                         "&"sv,
                                         "amp;"sv,
                                         "&amp;"sv,
                                         "&lt;"sv,
                                         "&#x26;"sv,
                                         "&#38"sv,
                                         "&#5"sv,
                                         "&#49;"sv,
                                         ";"sv,
                                         "&EACUTE;"sv,
                                         "&semi;"sv,
                                         "&#x37E;"sv,
                                         "&#xFF06;"sv,
                                         "\uFF06\uFF1B"sv,
                                         "\u037E\u212A"sv,
                                         "&#27;[31m"sv,
                                         "\x1B[3"sv,
                                         "\x1B"sv,
                                         "\x01"sv,
                                         "\0"sv,
                                         "\u0085\uFEFF"sv,
                                         "\uFFE3\uFF76\uFF9E"sv,
                                         "\uFB03\u0149"sv,
                                         "\u201Cso\u201D"sv,
                                         "caf\u00C3\u00A9"sv,
                                         "\xC3"sv,
                                         "\xED\xA0\x80"sv,
                                         "\xF4\x90"sv,
                                         "\xFF"sv,
                                         "<start_of_text>"sv,
                                         "<end_of_text>"sv,
                                         "('\"[{"sv,
                                         "...--"sv,
                                         "http://a.b/c?d=e&f"sv,
                                         "10,000.5km"sv,
                                         "U.S.A."sv,
                                         "_x_"sv,
                                         "'\u017F"sv,
                                         "\u00B2\u2163"sv};
  std::string text;
  for (uint64_t left = 1 + rng.below(30); left > 0; --left) {
    switch (rng.below(12)) {
      case 0:
        for (uint64_t bytes = rng.below(12); bytes > 0; --bytes) text += static_cast<char>(rng.below(256));
        break;
      case 1:
        text += repeated(kPieces[rng.below(kPieces.size())], rng.below(40));
        break;
      default:
        text += kPieces[rng.below(kPieces.size())];
    }
  }
  return text;
}

}  // namespace fsc::test
