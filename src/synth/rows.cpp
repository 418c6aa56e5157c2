// Draws statements and edits until they fit the split.
#include "synth/detail_rows.h"

#include <algorithm>

namespace fsc::synth {
namespace {

Statement training_statement(const Scene& scene, const HeldOut& held_out, Rng& rng) {
  while (true) {
    Statement s = describe(scene, rng);
    if (!names_held_out(s, held_out)) return s;
  }
}

Statement test_statement(const Scene& scene, Rng& rng) {
  while (true) {
    Statement s = describe(scene, rng);
    if (is_spatial(s.relation)) return s;
  }
}

}  // namespace

TrainRow training_row(const Scene& scene, const HeldOut& held_out, Rng& rng) {
  const Statement statement = training_statement(scene, held_out, rng);
  const uint64_t wording = rng.next();
  TrainRow row{say(statement, wording), {}};
  std::vector<Edit> edits = {Edit::kSwapAtt, Edit::kSwapObj, Edit::kReplaceRel, Edit::kReplaceAtt, Edit::kReplaceObj};
  rng.shuffle(edits);
  const size_t wanted = 2 + rng.below(3);
  // Ends: replacing a colour or a shape gives more than four free falsehoods of any statement.
  for (size_t i = 0; row.negatives.size() < wanted; ++i) {
    const auto negative = falsify(statement, edits[i % edits.size()], scene, rng);
    if (!negative || names_held_out(*negative, held_out)) continue;
    std::string text = say(*negative, wording);
    const bool known = std::find(row.negatives.begin(), row.negatives.end(), text) != row.negatives.end();
    if (!known) row.negatives.push_back(std::move(text));
  }
  return row;
}

std::string test_caption(const Scene& scene, Rng& rng) {
  const Statement statement = test_statement(scene, rng);
  return say(statement, rng.next());
}

TestItem test_item(const Scene& scene, Edit edit, const HeldOut& held_out, Rng& rng) {
  constexpr int kFussy = 200;  // tries; some edits of some scenes cannot do without a familiar combination
  for (int tries = 0;; ++tries) {
    const Statement statement = test_statement(scene, rng);
    const auto negative = falsify(statement, edit, scene, rng);
    if (!negative || (tries < kFussy && !names_only_held_out(*negative, held_out))) continue;
    const uint64_t wording = rng.next();
    return {say(statement, wording), say(*negative, wording)};
  }
}

std::string python_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", '" : "'") + text + "'";
  return list + "]";
}

}  // namespace fsc::synth
