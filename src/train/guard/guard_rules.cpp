// Changes, the Pareto front, the choice of alpha and how often the probe is scored.
#include <algorithm>
#include <cmath>
#include <limits>

#include "train/guard/detail_guard_rules.h"

namespace fsc::detail {

Outcomes outcomes_of(const EvalResult& result) {
  Outcomes outcomes;
  for (const auto& task : result.tasks) {
    TaskOutcome one{task.label, task.kind, task.total.score, {}};
    bool alike = true;
    for (auto& [correct, one_in] : pools_of(task.outcomes, task.rules)) {
      one.correct.push_back(std::move(correct));
      one.one_in.push_back(one_in);
      alike = alike && one_in == one.one_in[0];
    }
    if (alike) one.one_in.clear();
    outcomes.push_back(std::move(one));
  }
  return outcomes;
}

Outcomes all_wrong(Outcomes like) {
  for (auto& task : like) {
    task.score = 0;
    for (auto& pool : task.correct) std::fill(pool.begin(), pool.end(), '0');
  }
  return like;
}

namespace {

/// A task's pools as parts of a sum in which the task counts `weight`.
void add_parts(const TaskOutcome& before, const TaskOutcome& now, double weight, std::vector<WeightedChange>& parts) {
  TORCH_CHECK(before.label == now.label && before.correct.size() == now.correct.size(), "probes of different suites");
  for (size_t c = 0; c < now.correct.size(); ++c) {
    const std::string &was = before.correct[c], &is = now.correct[c];
    TORCH_CHECK(was.size() == is.size(), "probes of different items");
    PairedCount count{0, 0, static_cast<int64_t>(is.size())};
    for (size_t i = 0; i < is.size(); ++i) count.gained += is[i] > was[i], count.lost += is[i] < was[i];
    parts.push_back({weight / now.one_in_of(c), count});
  }
}

}  // namespace

ScoreChange task_change(const TaskOutcome& before, const TaskOutcome& now) {
  std::vector<WeightedChange> parts;
  add_parts(before, now, 1, parts);
  return {now.label, now.score, sum_of_changes(parts)};
}

std::optional<ScoreChange> kind_change(const Outcomes& before, const Outcomes& now, TaskKind kind) {
  double tasks = 0, score = 0;
  for (const auto& task : now)
    if (task.kind == kind) ++tasks, score += task.score;
  if (tasks == 0) return std::nullopt;
  std::vector<WeightedChange> parts;
  for (size_t i = 0; i < now.size(); ++i)
    if (now[i].kind == kind) add_parts(before.at(i), now[i], 1 / tasks, parts);
  return ScoreChange{kind_name(kind), score / tasks, sum_of_changes(parts)};
}

ProbePoint make_point(int64_t step, const Outcomes& before, const Outcomes& now) {
  ProbePoint point;
  point.step = step;
  point.forgetting = point.certain = -std::numeric_limits<double>::infinity();
  for (const auto kind : {TaskKind::kComposition, TaskKind::kZeroShot, TaskKind::kRetrieval}) {
    const auto change = kind_change(before, now, kind);
    if (!change) continue;
    point.kinds.push_back(*change);
    if (kind == TaskKind::kComposition) {
      point.composition = change->score;
      continue;
    }
    point.forgetting = std::max(point.forgetting, 0 - change->change.value);
    point.certain = std::max(point.certain, 0 - change->change.interval.high);
  }
  for (size_t i = 0; i < now.size(); ++i) point.tasks.push_back(task_change(before.at(i), now[i]));
  return point;
}

bool DropLimit::broken_by(const Change& of_a_kind) const {
  return (decide == GuardDecide::kInterval ? of_a_kind.interval.high : of_a_kind.value) < -points;
}

bool DropLimit::broken_by(const ProbePoint& point) const {
  return (decide == GuardDecide::kInterval ? point.certain : point.forgetting) > points;
}

bool dominates(const ProbePoint& a, const ProbePoint& b) {
  return a.composition >= b.composition && a.forgetting <= b.forgetting &&
         (a.composition > b.composition || a.forgetting < b.forgetting);
}

std::vector<size_t> pareto_front(const std::vector<ProbePoint>& points) {
  std::vector<size_t> front;
  for (size_t i = 0; i < points.size(); ++i) {
    bool in = !points[i].abandoned;
    for (size_t j = 0; in && j < points.size(); ++j) {
      if (points[j].abandoned) continue;
      const bool twin = j < i && points[j].composition == points[i].composition && points[j].forgetting == points[i].forgetting;
      in = !twin && !dominates(points[j], points[i]);
    }
    if (in) front.push_back(i);
  }
  std::sort(front.begin(), front.end(), [&](size_t a, size_t b) { return points[a].forgetting < points[b].forgetting; });
  return front;
}

size_t best_within(const std::vector<ProbePoint>& points, const DropLimit& limit) {
  std::optional<size_t> best;
  for (size_t i = 0; i < points.size(); ++i) {
    const auto& p = points[i];
    if (p.abandoned || limit.broken_by(p)) continue;
    if (!best || p.composition > points[*best].composition ||
        (p.composition == points[*best].composition && p.forgetting < points[*best].forgetting))
      best = i;
  }
  TORCH_CHECK(best, "no probe kept the limit, not even step 0");
  return *best;
}

std::vector<size_t> thin_front(const std::vector<ProbePoint>& points, std::vector<size_t> front, size_t keep, size_t best) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  while (keep > 0 && front.size() > keep) {
    std::optional<size_t> goes;
    double nearest = kInfinity;
    for (size_t i = 0; i < front.size(); ++i) {
      if (front[i] == best) continue;
      const bool end = i == 0 || i + 1 == front.size();
      const double room = end ? std::numeric_limits<double>::max()
                              : points[front[i + 1]].forgetting - points[front[i - 1]].forgetting +
                                    points[front[i + 1]].composition - points[front[i - 1]].composition;
      if (room < nearest) nearest = room, goes = i;
    }
    if (!goes) break;
    front.erase(front.begin() + static_cast<int64_t>(*goes));
  }
  return front;
}

double largest_alpha(int64_t n, const std::function<bool(double alpha)>& keeps) {
  for (int64_t k = n; k >= 0; --k) {
    const double alpha = static_cast<double>(k) / static_cast<double>(n);
    if (keeps(alpha)) return alpha;
  }
  return 0;
}

int64_t stretched_interval(int64_t every, double budget, double probe_work, double step_work) {
  if (budget <= 0) return every;
  const double times = std::ceil(probe_work / (budget * step_work * static_cast<double>(every)) - 1e-9);
  return every * static_cast<int64_t>(std::clamp(times, 1.0, 1e9));
}

}  // namespace fsc::detail
