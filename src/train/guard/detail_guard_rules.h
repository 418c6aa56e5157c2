// What the guard decides, as pure functions of probe scores.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fsc/eval/evaluate.h"
#include "fsc/train/guard.h"

namespace fsc::detail {

/// One task's part of a probe: which items were right, by the pools of its score (Pool).
struct TaskOutcome {
  std::string label;
  TaskKind kind = TaskKind::kComposition;
  double score = 0;
  std::vector<std::string> correct;  ///< of each pool
  std::vector<double> one_in = {};   ///< of each pool; empty = all count alike

  double one_in_of(size_t pool) const { return one_in.empty() ? static_cast<double>(correct.size()) : one_in[pool]; }
};
using Outcomes = std::vector<TaskOutcome>;
Outcomes outcomes_of(const EvalResult& result);
/// JSON, and the way back.
std::string to_text(const Outcomes& outcomes);
Outcomes outcomes_from(const std::string& text);
/// The same items, all wrong: a model that gives no numbers.
Outcomes all_wrong(Outcomes like);

/// A score now and its change against step 0 over the same items.
struct ScoreChange {
  std::string name;  ///< a task's label or a kind's name
  double score = 0;
  Change change;
};
ScoreChange task_change(const TaskOutcome& before, const TaskOutcome& now);
/// The mean over the tasks of `kind`; nothing when there is none.
std::optional<ScoreChange> kind_change(const Outcomes& before, const Outcomes& now, TaskKind kind);

/// One probe on the plane that the guard looks at.
struct ProbePoint {
  int64_t step = 0;
  double composition = 0;  ///< mean score
  double forgetting = 0;   ///< the larger drop of the zero-shot and the retrieval mean against step 0; negative = both rose
  double certain = 0;      ///< the same of the drops' lower ends: what was forgotten beyond the chance of the probe's items
  std::vector<ScoreChange> kinds, tasks;
  bool abandoned = false;  ///< a rollback went back behind it
};
ProbePoint make_point(int64_t step, const Outcomes& before, const Outcomes& now);

/// guard.max_drop and what is held against it. What it does not call broken is kept, for every decision alike.
struct DropLimit {
  double points = 0;
  GuardDecide decide = GuardDecide::kInterval;

  bool broken_by(const Change& of_a_kind) const;
  bool broken_by(const ProbePoint& point) const;  ///< by zero-shot or by retrieval
};

/// At least as good in both, better in one.
bool dominates(const ProbePoint& a, const ProbePoint& b);
/// Indices of the front of the points that are not abandoned, by rising forgetting; of equal points the first.
std::vector<size_t> pareto_front(const std::vector<ProbePoint>& points);
/// The index of the best composition among the points that keep the limit and are not abandoned; of equal ones the one with
/// less forgetting, then the first. Step 0 always keeps the limit, so there is one. By the interval it need not be on the front.
size_t best_within(const std::vector<ProbePoint>& points, const DropLimit& limit);
/// The front thinned to `keep` members (0 = all): the one nearest to its neighbours goes first, never `best`, and the two ends
/// last.
std::vector<size_t> thin_front(const std::vector<ProbePoint>& points, std::vector<size_t> front, size_t keep, size_t best);

/// The first of 1, (n-1)/n, ..., 0 that keeps the limit, and 0 when none does. The last alpha asked about is the one returned.
double largest_alpha(int64_t n, const std::function<bool(double alpha)>& keeps);

/// The smallest multiple of `every` that makes probing at most `budget` of the training work (0 = no bound).
int64_t stretched_interval(int64_t every, double budget, double probe_work, double step_work);

}  // namespace fsc::detail
