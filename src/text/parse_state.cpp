// Transitions and their conditions as in spaCy's arc_eager.pyx and _state.pxd.
#include "text/detail_parse_state.h"

namespace fsc::detail {

ParseState::ParseState(int length)
    : length_(length),
      heads_(static_cast<size_t>(length), -1),
      arc_moves_(heads_),
      last_left_(heads_),
      last_right_(heads_),
      right_before_(heads_),
      no_shift_(static_cast<size_t>(length), 0),
      starts_(no_shift_) {}

int ParseState::buffered(int index) const {
  const int returned = static_cast<int>(returned_.size());
  if (index < returned) return returned_[static_cast<size_t>(returned - 1 - index)];
  const int word = next_ + index - returned;
  return word < length_ ? word : -1;
}

std::array<int, ParseState::kContext> ParseState::context() const {
  const int first = buffered(0), top = stacked(0);
  const auto of = [](const std::vector<int>& children, int word) { return word < 0 ? -1 : children[static_cast<size_t>(word)]; };
  return {first, buffered(1), top, stacked(1), stacked(2), of(last_left_, first), of(last_left_, top), of(last_right_, top)};
}

bool ParseState::allows(Action action) const {
  const int first = buffered(0), second = buffered(1);
  switch (action) {
    case Action::kShift:
      if (stack_.empty()) return true;
      return buffer_size() >= 2 && !starts_sentence(first) && !no_shift_[static_cast<size_t>(first)];
    case Action::kReduce:
      return !stack_.empty();
    case Action::kLeft:
    case Action::kRight:
      return !stack_.empty() && buffer_size() > 0 && !starts_sentence(first);
    case Action::kBreak:
      return buffer_size() >= 2 && second == first + 1 && !starts_sentence(second);
  }
  return false;
}

void ParseState::push() {
  stack_.push_back(buffered(0));
  if (returned_.empty())
    ++next_;
  else
    returned_.pop_back();
}

void ParseState::add_arc(int head, int child, int move) {
  const auto c = static_cast<size_t>(child), h = static_cast<size_t>(head);
  if (heads_[c] >= 0) last_right_[static_cast<size_t>(heads_[c])] = right_before_[c];
  if (head > child) {
    last_left_[h] = child;
  } else {
    right_before_[c] = last_right_[h];
    last_right_[h] = child;
  }
  heads_[c] = head;
  arc_moves_[c] = move;
}

void ParseState::apply(Action action, int move) {
  const int first = buffered(0), top = stacked(0);
  switch (action) {
    case Action::kShift:
      push();
      break;
    case Action::kReduce:
      stack_.pop_back();
      if (heads_[static_cast<size_t>(top)] < 0 && !stack_.empty()) {
        no_shift_[static_cast<size_t>(top)] = 1;
        returned_.push_back(top);
      }
      break;
    case Action::kLeft:
      add_arc(first, top, move);
      no_shift_[static_cast<size_t>(first)] = 0;
      stack_.pop_back();
      break;
    case Action::kRight:
      add_arc(top, first, move);
      push();
      break;
    case Action::kBreak:
      starts_[static_cast<size_t>(buffered(1))] = 1;
      break;
  }
}

}  // namespace fsc::detail
