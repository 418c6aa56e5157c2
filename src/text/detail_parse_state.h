// The arc-eager parser's state: stack, buffer, arcs, and the moves between states.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "text/detail_grammar.h"

namespace fsc::detail {

/// spaCy's variant of arc-eager parsing (non-monotonic: Reduce puts a word without head back into the buffer, LeftArc may
/// overrule a head, Break begins a new sentence). Words are numbered from 0; -1 is none.
///
/// Positions grow from the bottom of the stack to its top and on into the buffer. So a word gets a second head only by LeftArc
/// while it is the top of the stack, and then its first head, which lies right below it, had it as its last child on the right:
/// taking an arc back is taking the last one.
class ParseState {
 public:
  explicit ParseState(int length);

  static constexpr size_t kContext = 8;
  /// The words the network looks at: first and second in the buffer, top three of the stack, the last left child of the buffer's
  /// first word and of the stack's top, the last right child of the stack's top.
  std::array<int, kContext> context() const;
  bool done() const { return stack_.empty() && buffer_size() == 0; }
  bool allows(Action action) const;
  /// `move` is the move's number; it marks the arc that LeftArc and RightArc make.
  void apply(Action action, int move);

  int head(int word) const { return heads_[static_cast<size_t>(word)]; }          ///< -1: a root
  int arc_move(int word) const { return arc_moves_[static_cast<size_t>(word)]; }  ///< the move that gave the head

 private:
  int stacked(size_t depth) const { return depth < stack_.size() ? stack_[stack_.size() - 1 - depth] : -1; }
  int buffered(int index) const;
  int buffer_size() const { return length_ - next_ + static_cast<int>(returned_.size()); }
  bool starts_sentence(int word) const { return word >= 0 && starts_[static_cast<size_t>(word)] != 0; }
  void push();
  void add_arc(int head, int child, int move);

  int length_;
  int next_ = 0;               ///< first word that was never on the stack
  std::vector<int> stack_;     ///< top last
  std::vector<int> returned_;  ///< words put back into the buffer, its first one last
  std::vector<int> heads_, arc_moves_;
  std::vector<int> last_left_, last_right_;  ///< the child added last
  std::vector<int> right_before_;            ///< of a right child: the right child that its head had before
  std::vector<char> no_shift_, starts_;
};

}  // namespace fsc::detail
