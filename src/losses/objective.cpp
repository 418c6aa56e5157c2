// The one list of terms, and their weighted sum.
#include "fsc/losses/objective.h"

#include <algorithm>
#include <optional>

/// A line a term, in the order of the log: NAME for the `std::optional<Term> NAME_term(const LossConfig&)` of a file in terms/,
/// which says from the config whether it is wanted, and with which weight.
#define FSC_TERMS(LINE) \
  LINE(clip)            \
  LINE(siglip)          \
  LINE(global_hn)       \
  LINE(local_hn)

namespace fsc {

#define FSC_DECLARE(NAME) std::optional<Term> NAME##_term(const LossConfig& config);
FSC_TERMS(FSC_DECLARE)
#undef FSC_DECLARE

std::vector<Term> make_objective(const LossConfig& config) {
  std::vector<Term> objective;
#define FSC_ADD(NAME) \
  if (auto term = NAME##_term(config)) objective.push_back(std::move(*term));
  FSC_TERMS(FSC_ADD)
#undef FSC_ADD
  return objective;
}

Needs Needs::operator|(const Needs& other) const {
  Needs both{tokens || other.tokens,
             bias || other.bias,
             negatives || other.negatives,
             other_rows || other.other_rows,
             other_negatives || other.other_negatives,
             groups};
  for (const auto& group : other.groups)
    if (std::find(both.groups.begin(), both.groups.end(), group) == both.groups.end()) both.groups.push_back(group);
  return both;
}

Needs needs_of(const std::vector<Term>& objective) {
  Needs needs;
  for (const auto& term : objective) needs = needs | term.needs;
  return needs;
}

Losses evaluate(const std::vector<Term>& objective, const Features& features) {
  Losses losses;
  for (const auto& term : objective) {
    auto value = term.weight * term.loss(features);
    if (term.scope == Scope::kBatch && features.batch_gradient != 1)
      value = features.batch_gradient * value + (1 - features.batch_gradient) * value.detach();
    losses.total = losses.total.defined() ? losses.total + value : value;
    losses.terms.emplace_back(term.name, value.detach());
  }
  return losses;
}

}  // namespace fsc
