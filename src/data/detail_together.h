// The processes that share the data, as the loader sees them: words to all, and failures that end the call of everybody.
#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fsc/data/loader.h"

namespace fsc::detail {

/// All processes must make the same calls.
class Together {
 public:
  /// A null `exchange` is a process alone.
  Together(int64_t rank, ExchangeWords exchange) : rank_(rank), exchange_(std::move(exchange)) {}

  /// Every process's words in the order of ranks. Where one of them fails instead: Error that names it, or Stopped.
  std::vector<std::string> all(const std::string& words);
  /// Rank 0's words, which it makes while the others wait.
  std::string of_first(const std::function<std::string()>& make);

  /// Runs what processes do alike. What this one fails with is told at the point where the others wait in all(), so that nobody
  /// is left waiting.
  template <class Body>
  auto guard(Body&& body) {
    try {
      return body();
    } catch (...) {
      tell(std::current_exception());
      throw;
    }
  }

 private:
  void tell(const std::exception_ptr& failure) noexcept;

  const int64_t rank_;
  const ExchangeWords exchange_;
  bool told_ = false;  // the failure at hand came from all(), or from the exchange itself
};

/// Values one after another in a string, in this machine's bytes.
class WordsOut {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void add(Number value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
  void add(const std::string& text) {
    add(static_cast<uint64_t>(text.size()));
    bytes_ += text;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Takes them out again. Error where there are no more: another process has another program or other data.
class WordsIn {
 public:
  explicit WordsIn(std::string_view bytes) : bytes_(bytes) {}
  template <class Number>
  Number number() {
    Number value;
    piece(sizeof(value)).copy(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
  }
  std::string text() { return std::string(piece(number<uint64_t>())); }

 private:
  std::string_view piece(uint64_t size);

  std::string_view bytes_;
};

}  // namespace fsc::detail
