// How large a drop the guard's probe can see, before anything has dropped.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "train/guard/detail_guard_rules.h"

namespace fsc::detail {

/// A part of a kind's score: `answers` items of which each counts the same, together `weight`; the weights add up to 1.
struct ScorePart {
  double weight = 1, answers = 0;
  bool cut = false;  ///< its task was cut to guard.items, by images or by answers, and has more
};
/// The pools of the tasks of `kind`; empty when there are none. `items` is guard.items.
std::vector<ScorePart> score_parts(const Outcomes& outcomes, TaskKind kind, int64_t items);
/// So many times the answers: of all parts, or of those that were cut.
std::vector<ScorePart> grown(std::vector<ScorePart> parts, double times, bool only_cut);

/// What is taken for granted: kStray of the answers change sides by chance, as many up as down, and what the model forgets
/// comes on top; three probes are three draws; a drop is seen when kSeen of 100 runs act on it within them.
inline constexpr double kStray = 0.10, kSeen = 95;
inline constexpr int64_t kProbesToSee = 3;

/// The chance that one probe breaks the limit when the kind has truly lost `drop` points (0 = none: a false alarm); at most 90.
double chance_of_breaking(const std::vector<ScorePart>& parts, double drop, const DropLimit& limit);
/// The smallest true drop in points that is seen; infinity when it is more than 90.
double smallest_drop_seen(const std::vector<ScorePart>& parts, const DropLimit& limit);
/// What `parts` must be grown by, at least 1, to see `drop`; infinity when nothing helps, or only more than a million.
double growth_to_see(const std::vector<ScorePart>& parts, double drop, const DropLimit& limit, bool only_cut);
/// Up to a number with two digits that are not 0.
int64_t rounded_up(double count);

/// What the log says of a kind at the start.
struct Sight {
  bool enough = false;  ///< twice the limit is seen, and chance does not break the limit in more than 2.5% of the probes
  /// What would see twice the limit where these answers do not: a guard.items, or, where there are no more items to be had, the
  /// number of answers that it takes. 0 = not named.
  int64_t items_named = 0, answers_named = 0;
  std::string text;
};
/// The kind must have tasks.
Sight sight_of(const Outcomes& start, TaskKind kind, const DropLimit& limit, int64_t items);

}  // namespace fsc::detail
