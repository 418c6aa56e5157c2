// The probe's power by the normal approximation, of the same interval that decides.
#include "train/guard/detail_guard_sight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fsc::detail {
namespace {

constexpr double kMostSeen = 90;  // points; with the strays no answer is left beyond it
// Aimed at, so that what the approximation leaves out does not push the truth below kSeen.
constexpr double kAim = 0.96;
constexpr double kFalseAlarms = 0.025;
constexpr double kNever = std::numeric_limits<double>::infinity();

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

bool is_seen(const std::vector<ScorePart>& parts, double drop, const DropLimit& limit) {
  return 1 - std::pow(1 - chance_of_breaking(parts, drop, limit), kProbesToSee) >= kAim;
}

/// The upper end of where `bad` ends and `good` begins.
template <class Predicate>
double first_good(double bad, double good, const Predicate& is_good) {
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (bad + good);
    (is_good(middle) ? good : bad) = middle;
  }
  return good;
}

/// Whether a task has been cut to `items`, by images (retrieval's first pool) or by answers.
bool was_cut(const TaskOutcome& task, int64_t items) {
  size_t all = 0;
  for (const auto& pool : task.correct) all += pool.size();
  return static_cast<int64_t>(all) == items || static_cast<int64_t>(task.correct.at(0).size()) == items;
}

double answers_of(const std::vector<ScorePart>& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += part.answers;
  return sum;
}

/// Names in `sight` what would see `wanted` points.
void name_what_it_takes(const std::vector<ScorePart>& parts, double wanted, const DropLimit& limit, int64_t items, Sight& sight) {
  const double of_the_cut = growth_to_see(parts, wanted, limit, /*only_cut=*/true),
               of_all = growth_to_see(parts, wanted, limit, /*only_cut=*/false);
  if (of_all == kNever) return;
  sight.text += fmt::format("; {:g} points, twice guard.max_drop, take ", wanted);
  if (of_the_cut < kNever) {
    sight.items_named = rounded_up(of_the_cut * static_cast<double>(items));
    sight.text += fmt::format("guard.items {}", sight.items_named);
  } else {
    sight.answers_named = rounded_up(of_all * answers_of(parts));
    sight.text += fmt::format("{} answers, more than the suite has: give it more, or raise guard.max_drop", sight.answers_named);
  }
}

}  // namespace

std::vector<ScorePart> score_parts(const Outcomes& outcomes, TaskKind kind, int64_t items) {
  const auto tasks = std::count_if(outcomes.begin(), outcomes.end(), [&](const TaskOutcome& task) { return task.kind == kind; });
  std::vector<ScorePart> parts;
  for (const auto& task : outcomes) {
    if (task.kind != kind) continue;
    for (size_t i = 0; i < task.correct.size(); ++i)
      parts.push_back({1 / (static_cast<double>(tasks) * task.one_in_of(i)), static_cast<double>(task.correct[i].size()),
                       was_cut(task, items)});
  }
  return parts;
}

std::vector<ScorePart> grown(std::vector<ScorePart> parts, double times, bool only_cut) {
  for (auto& part : parts)
    if (part.cut || !only_cut) part.answers *= times;
  return parts;
}

double chance_of_breaking(const std::vector<ScorePart>& parts, double drop, const DropLimit& limit) {
  const double up = kStray / 2, down = kStray / 2 + drop / 100, change = up - down;
  double variance = 0, above = 0;  // of the measured change; of its interval's upper end over it, squared
  for (const auto& [weight, answers, cut] : parts) {
    variance += weight * weight * 1e4 * (up + down - change * change) / answers;
    const double over = paired_interval(up * answers, down * answers, answers).high - 100 * change;
    above += weight * weight * over * over;
  }
  const double margin = limit.points + (limit.decide == GuardDecide::kInterval ? std::sqrt(above) : 0);
  return normal_cdf((drop - margin) / std::sqrt(variance));
}

double smallest_drop_seen(const std::vector<ScorePart>& parts, const DropLimit& limit) {
  if (!is_seen(parts, kMostSeen, limit)) return kNever;
  return first_good(0, kMostSeen, [&](double drop) { return is_seen(parts, drop, limit); });
}

double growth_to_see(const std::vector<ScorePart>& parts, double drop, const DropLimit& limit, bool only_cut) {
  constexpr double kMost = 1e6;
  const auto enough = [&](double times) { return is_seen(grown(parts, times, only_cut), drop, limit); };
  if (drop > kMostSeen || !enough(kMost)) return kNever;
  return enough(1) ? 1 : std::exp(first_good(0, std::log(kMost), [&](double log_times) { return enough(std::exp(log_times)); }));
}

int64_t rounded_up(double count) {
  const double unit = std::pow(10.0, std::max(0.0, std::floor(std::log10(std::max(count, 1.0))) - 1));
  return static_cast<int64_t>(std::ceil(count / unit - 1e-9) * unit);
}

Sight sight_of(const Outcomes& start, TaskKind kind, const DropLimit& limit, int64_t items) {
  const auto parts = score_parts(start, kind, items);
  const double score = kind_change(start, start, kind)->score, wanted = 2 * limit.points, seen = smallest_drop_seen(parts, limit);
  const double alarms = chance_of_breaking(parts, 0, limit);
  const bool sees = seen <= score,
             sees_wanted = sees && (limit.points == 0 || seen <= wanted);  // what is not there cannot be lost
  Sight sight;
  sight.enough = sees_wanted && alarms <= kFalseAlarms;
  sight.text = fmt::format("{}, {:.0f} answers: ", kind_name(kind), answers_of(parts));
  sight.text += sees ? fmt::format("a true drop of {:.1f} points is acted on within {} probes in {:g} of 100 runs", seen,
                                   kProbesToSee, kSeen)
                     : fmt::format("no drop is sure to be acted on, all of its {:.1f} points may go unseen", score);
  sight.text += fmt::format(" (if {:g}% of the answers also change sides by chance)", 100 * kStray);
  if (alarms > kFalseAlarms)
    sight.text += fmt::format("; {:.1f}% of the probes break the limit with no drop at all", 100 * alarms);
  if (!sees_wanted && limit.points > 0 && wanted <= score) name_what_it_takes(parts, wanted, limit, items, sight);
  return sight;
}

}  // namespace fsc::detail
