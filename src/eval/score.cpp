// Groups outcomes by their paths and works upwards.
#include "fsc/eval/score.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace fsc {
namespace {

/// Outcomes with one beginning of their paths.
struct Group {
  std::string name;
  Rule rule = Rule::kPool;
  std::vector<const Outcome*> outcomes;
  std::vector<Group> parts;
};

/// `group` has its outcomes; gives it its parts and these theirs.
void divide(Group& group, size_t depth, const Rules& rules) {
  std::map<std::string, size_t> places;
  for (const Outcome* outcome : group.outcomes) {
    if (outcome->path.size() == depth) continue;
    const auto [it, fresh] = places.emplace(outcome->path[depth], group.parts.size());
    if (fresh) group.parts.push_back({outcome->path[depth], Rule::kPool, {}, {}});
    group.parts[it->second].outcomes.push_back(outcome);
  }
  if (group.parts.empty()) return;
  size_t below = 0;
  for (const auto& part : group.parts) below += part.outcomes.size();
  TORCH_CHECK(below == group.outcomes.size(), "outcomes beside the parts of ", group.name);
  if (depth < rules.size()) group.rule = rules[depth];
  for (auto& part : group.parts) divide(part, depth + 1, rules);
}

Group tree_of(const std::vector<Outcome>& outcomes, const Rules& rules) {
  TORCH_CHECK(!outcomes.empty(), "a task without outcomes");
  Group whole;
  for (const auto& outcome : outcomes) whole.outcomes.push_back(&outcome);
  divide(whole, 0, rules);
  return whole;
}

/// Equal values give exactly that value, whatever rounding their sum would have.
double mean_chance(const std::vector<double>& values) {
  const bool alike = std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  return alike ? values[0] : mean_of(values);
}

/// The mean by adding up shares, in the parts' order: published scores keep their last bit.
double sum_of_shares(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value / static_cast<double>(values.size());
  return sum;
}

void pool(const std::vector<const Outcome*>& outcomes, Score& score) {
  Count count;
  std::vector<Count> also(outcomes[0]->also.size());
  std::vector<double> chances;
  for (const Outcome* outcome : outcomes) {
    count.hits += outcome->correct, ++count.items;
    TORCH_CHECK(outcome->also.size() == also.size(), "outcomes of ", score.name, " answer different questions");
    for (size_t i = 0; i < also.size(); ++i) also[i].hits += outcome->also[i].second, ++also[i].items;
    chances.push_back(outcome->chance);
  }
  score.score = count.percent();
  score.interval = wilson_interval(count);
  score.chance = mean_chance(chances);
  for (size_t i = 0; i < also.size(); ++i) score.numbers.emplace_back(outcomes[0]->also[i].first, also[i].percent());
}

/// Over `score.parts`; of the further numbers those that all parts have.
void average(Score& score) {
  std::vector<double> scores, chances;
  std::vector<Estimate> estimates;
  for (const auto& part : score.parts) {
    scores.push_back(part.score);
    chances.push_back(part.chance);
    estimates.push_back({part.score, part.interval});
  }
  score.score = sum_of_shares(scores);
  score.chance = mean_chance(chances);
  score.interval = mean_interval(estimates);
  for (size_t i = 0; i < score.parts[0].numbers.size(); ++i) {
    std::vector<double> values;
    for (const auto& part : score.parts)
      if (i < part.numbers.size() && part.numbers[i].first == score.parts[0].numbers[i].first)
        values.push_back(part.numbers[i].second);
    if (values.size() == score.parts.size()) score.numbers.emplace_back(score.parts[0].numbers[i].first, sum_of_shares(values));
  }
}

Score score_of(const Group& group) {
  Score score;
  score.name = group.name;
  score.n = static_cast<int64_t>(group.outcomes.size());
  for (const auto& part : group.parts) score.parts.push_back(score_of(part));
  if (group.rule == Rule::kMean)
    average(score);
  else
    pool(group.outcomes, score);
  return score;
}

Score& find(Score& whole, const std::vector<std::string>& path) {
  Score* found = &whole;
  for (const auto& name : path) {
    const auto it = std::find_if(found->parts.begin(), found->parts.end(), [&](const Score& part) { return part.name == name; });
    TORCH_CHECK(it != found->parts.end(), "a number of a part without outcomes: ", name);
    found = &*it;
  }
  return *found;
}

void add_leaves(const Score& score, bool whole, std::vector<std::pair<std::string, double>>& lines) {
  for (const auto& part : score.parts) add_leaves(part, false, lines);
  if (!score.parts.empty()) return;
  for (const auto& [name, value] : score.numbers) lines.emplace_back(whole ? name : score.name + "/" + name, value);
  if (score.numbers.empty() && !whole) lines.emplace_back(score.name, score.score);
}

void add_pools(const Group& group, double one_in, std::vector<Pool>& pools) {
  if (group.rule == Rule::kMean) {
    for (const auto& part : group.parts) add_pools(part, one_in * static_cast<double>(group.parts.size()), pools);
    return;
  }
  auto& pool = pools.emplace_back(Pool{"", one_in});
  for (const Outcome* outcome : group.outcomes) pool.correct += outcome->correct ? '1' : '0';
}

}  // namespace

Score aggregate(const Findings& findings, const Rules& rules) {
  Score whole = score_of(tree_of(findings.outcomes, rules));
  for (const auto& number : findings.numbers) find(whole, number.path).numbers.emplace_back(number.name, number.value);
  if (findings.chance) whole.chance = *findings.chance;
  std::set<std::string> names;
  for (const auto& [name, value] : subtasks_of(whole)) TORCH_CHECK(names.insert(name).second, "two parts are called ", name);
  return whole;
}

std::vector<std::pair<std::string, double>> subtasks_of(const Score& score) {
  std::vector<std::pair<std::string, double>> lines;
  add_leaves(score, true, lines);
  return lines;
}

std::vector<Pool> pools_of(const std::vector<Outcome>& outcomes, const Rules& rules) {
  std::vector<Pool> pools;
  add_pools(tree_of(outcomes, rules), 1, pools);
  return pools;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace fsc
