// Scores as a tree: what a task finds out item by item, and the one way in which it is pooled or averaged.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fsc/eval/interval.h"

namespace fsc {

/// One decision of a model: a line of predictions/<task>.jsonl and a leaf's share of the score.
struct Outcome {
  std::vector<std::string> path;  ///< names of the parts it lies in, the widest first; empty = the task has no parts
  std::string id;
  std::vector<float> scores;
  bool correct = false;
  double chance = 0;                                       ///< percent: how often a random answer is correct
  std::vector<std::pair<const char*, int64_t>> more = {};  ///< what else the file says, such as rank
  std::vector<std::pair<const char*, bool>> also = {};     ///< further questions to the same answer: R@5, top5; alike in a part
};

/// A number of a part that is no share of its outcomes, in percent.
struct StatedNumber {
  std::vector<std::string> path;
  std::string name;
  double value = 0;
};

/// What a task finds out about a model.
struct Findings {
  std::vector<Outcome> outcomes;  ///< one an item and question
  std::vector<StatedNumber> numbers = {};
  std::optional<double> chance = {};  ///< percent, of the whole, where it is not what the outcomes' chances aggregate to
};

/// How a part of the tree gets its score: the share of all outcomes below it that are correct, or the plain mean of its own
/// parts.
enum class Rule { kPool, kMean };
/// One a level, that of the whole first; a level without one, and a part without parts, pools.
using Rules = std::vector<Rule>;

/// A part of a task, or the whole; percentages throughout.
struct Score {
  std::string name;
  double score = 0, chance = 0;
  Interval interval;
  int64_t n = 0;                                        ///< outcomes
  std::vector<std::pair<std::string, double>> numbers;  ///< further questions by the same rule, then what was stated
  std::vector<Score> parts;                             ///< in the order of their first outcomes
};

/// The tree over all outcomes, of which there is at least one. An outcome lies in a part without parts; the innermost names of
/// all paths differ from each other.
Score aggregate(const Findings& findings, const Rules& rules);

/// What results show below a score, a line each: of every part without parts its numbers ("i2t/R@5"; of the whole "top5"), or
/// where it has none its score.
std::vector<std::pair<std::string, double>> subtasks_of(const Score& score);

/// Outcomes that count alike.
struct Pool {
  std::string correct;  ///< "0110...", in the order of the outcomes
  double one_in = 1;    ///< the pool makes one part in so many of the whole's score
};
std::vector<Pool> pools_of(const std::vector<Outcome>& outcomes, const Rules& rules);

/// Sum over count.
double mean_of(const std::vector<double>& values);

}  // namespace fsc
