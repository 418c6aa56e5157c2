// The one list of terms, and their weighted sum.
#include "fsc/losses/objective.h"

#include "losses/terms/detail_terms.h"

namespace fsc {

std::vector<Term> make_objective(const LossConfig& config) {
  std::vector<Term> objective;
  for (const auto make : {detail::clip_term, detail::siglip_term, detail::global_hn_term, detail::local_hn_term})
    if (auto term = make(config)) objective.push_back(std::move(*term));
  return objective;
}

Needs needs_of(const std::vector<Term>& objective) {
  Needs needs;
  for (const auto& term : objective) needs = needs | term.needs;
  return needs;
}

Losses evaluate(const std::vector<Term>& objective, const Features& features) {
  Losses losses;
  for (const auto& term : objective) {
    const auto value = term.weight * term.loss(features);
    losses.total = losses.total.defined() ? losses.total + value : value;
    losses.terms.emplace_back(term.name, value.detach());
  }
  return losses;
}

}  // namespace fsc
