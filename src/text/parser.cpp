// What each word contributes at each place of the context is computed once a text; a step then adds eight rows.
#include "text/detail_parser.h"

namespace fsc::detail {

Parser::Parser(Reader& reader, std::vector<Move> moves)
    : moves_(std::move(moves)),
      lower_(reader, kWidth, kHidden),
      features_(reader, kHidden, kFeatures * kMaxout),
      bias_(read_floats(reader, kMaxout)),
      padding_(read_floats(reader, kFeatures * kMaxout)),
      upper_(reader, kHidden, moves_.size()) {}

/// The hidden layer: the sum of the places' rows, and the larger one of each unit's two pieces.
void Parser::activate(const std::array<int, kFeatures>& context, const float* words, float* hidden) const {
  float sums[kMaxout] = {};
  for (size_t place = 0; place < kFeatures; ++place) {
    const float* row = context[place] < 0 ? padding_.data() : words + static_cast<size_t>(context[place]) * kFeatures * kMaxout;
    row += place * kMaxout;
    for (size_t i = 0; i < kMaxout; ++i) sums[i] += row[i];
  }
  for (size_t i = 0; i < kHidden; ++i) {
    const float first = sums[i] + bias_[i], second = sums[kHidden + i] + bias_[kHidden + i];
    hidden[i] = second > first ? second : first;
  }
}

int Parser::best_move(const ParseState& state, const float* scores) const {
  bool allowed[kActions];
  for (size_t action = 0; action < kActions; ++action) allowed[action] = state.allows(static_cast<Action>(action));
  int best = -1;
  for (size_t move = 0; move < moves_.size(); ++move) {
    if (!allowed[static_cast<size_t>(moves_[move].action)]) continue;
    if (best < 0 || scores[move] > scores[best]) best = static_cast<int>(move);
  }
  return best;  // never -1: an empty stack allows Shift, any other Reduce
}

Parse Parser::parse(const float* vectors, size_t words) const {
  std::vector<float> lowered(words * kHidden), contributions(words * kFeatures * kMaxout), scores(upper_.columns);
  std::vector<const float*> rows(words);
  for (size_t i = 0; i < words; ++i) rows[i] = vectors + i * kWidth;
  multiply(lower_, rows, lowered.data());
  for (size_t i = 0; i < words; ++i) rows[i] = lowered.data() + i * kHidden;
  multiply(features_, rows, contributions.data());

  ParseState state(static_cast<int>(words));
  float hidden[kHidden];
  const float* const hidden_row = hidden;
  while (!state.done()) {
    activate(state.context(), contributions.data(), hidden);
    multiply(upper_, {&hidden_row, 1}, scores.data());
    const int move = best_move(state, scores.data());
    state.apply(moves_[static_cast<size_t>(move)].action, move);
  }

  Parse parse{std::vector<int>(words), std::vector<int>(words)};
  for (size_t i = 0; i < words; ++i) {
    const int word = static_cast<int>(i);
    parse.heads[i] = state.head(word) < 0 ? word : state.head(word);
    parse.moves[i] = state.arc_move(word);
  }
  return parse;
}

}  // namespace fsc::detail
