// Reads the lists of names and moves.
#include "text/detail_grammar.h"

namespace fsc::detail {

Names::Names(Reader& reader) {
  const uint32_t count = reader.count(4);
  if (count == 0 || count >= kNoName) reader.fail("a list of " + std::to_string(count) + " names");
  for (uint32_t i = 0; i < count; ++i) {
    names_.push_back(reader.text());
    if (!numbers_.emplace(names_.back(), static_cast<uint16_t>(i)).second)
      reader.fail("the name '" + names_.back() + "' stands there twice");
  }
}

uint16_t Names::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? kNoName : found->second;
}

uint16_t Names::require(std::string_view name, const Reader& reader) const {
  const uint16_t number = find(name);
  if (number == kNoName) reader.fail("the name '" + std::string(name) + "' is not in the list");
  return number;
}

uint16_t Names::read(Reader& reader, bool optional) const {
  const uint16_t number = reader.u16();
  if (number >= size() && !(optional && number == kNoName))
    reader.fail("the name number " + std::to_string(number) + " where there are " + std::to_string(size()));
  return number;
}

std::vector<Move> read_moves(Reader& reader, const Names& dependencies) {
  std::vector<Move> moves(reader.count(5));
  bool shift = false, reduce = false;
  for (Move& move : moves) {
    const uint8_t action = reader.u8();
    if (action >= kActions) reader.fail("a parser move of kind " + std::to_string(action));
    move.action = static_cast<Action>(action);
    move.dependency = dependencies.read(reader, move.action == Action::kShift || move.action == Action::kReduce);
    move.lifted = dependencies.read(reader, true);
    shift = shift || move.action == Action::kShift;
    reduce = reduce || move.action == Action::kReduce;
  }
  if (!shift || !reduce) reader.fail("the parser has no shift or no reduce, without which it cannot end");
  return moves;
}

}  // namespace fsc::detail
