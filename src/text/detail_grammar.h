// Names of tags and dependencies, and the parser's moves.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/detail_lexicon.h"
#include "text/detail_reader.h"

namespace fsc::detail {

constexpr uint16_t kNoName = 0xFFFF;

/// A list of names, numbered from 0.
class Names {
 public:
  /// Error for an empty list, or a name that stands there twice.
  explicit Names(Reader& reader);
  const std::vector<std::string>& all() const { return names_; }
  uint16_t size() const { return static_cast<uint16_t>(names_.size()); }
  /// kNoName when the list does not have it.
  uint16_t find(std::string_view name) const;
  /// As find(), but Error naming the file when the list does not have it.
  uint16_t require(std::string_view name, const Reader& reader) const;
  /// A number that the file holds; kNoName passes where `optional`.
  uint16_t read(Reader& reader, bool optional) const;

 private:
  std::vector<std::string> names_;
  StringMap<uint16_t> numbers_;
};

enum class Action : uint8_t { kShift, kReduce, kLeft, kRight, kBreak };
constexpr size_t kActions = 5;

/// One output of the parser. `lifted`: the real head is a word with this dependency somewhere below the head that the move gives.
struct Move {
  Action action = Action::kShift;
  uint16_t dependency = kNoName;
  uint16_t lifted = kNoName;
};
std::vector<Move> read_moves(Reader& reader, const Names& dependencies);

}  // namespace fsc::detail
