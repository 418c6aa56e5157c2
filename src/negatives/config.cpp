// negatives.*: rules between its keys, and how many negatives a caption gets.
#include <cmath>
#include <numeric>

#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

void check_weights(const NegativesConfig& config, config::Problems& problems) {
  if (config.weights.size() != config.kinds.size()) {
    problems.add("negatives.weights", std::to_string(config.weights.size()) + " weights for the " +
                                          std::to_string(config.kinds.size()) +
                                          " entries of negatives.kinds; give one for each, or none");
    return;
  }
  const double sum = std::accumulate(config.weights.begin(), config.weights.end(), 0.0);
  if (!(sum > 0 && std::isfinite(sum)))
    problems.add("negatives.weights", "the sum must be above 0 and finite: one kind at least needs a chance");
}

void check_generate(const NegativesConfig& config, config::Problems& problems) {
  if (config.kinds.empty()) {
    problems.add("negatives.kinds", "the list is empty; name at least one kind: [shuffle]");
  } else if (!config.weights.empty()) {
    check_weights(config, problems);
  } else if (config.per_caption < static_cast<int64_t>(config.kinds.size())) {
    problems.add("negatives.per_caption",
                 std::to_string(config.per_caption) + " leaves " + config.kinds[static_cast<size_t>(config.per_caption)] +
                     " without a place; shorten negatives.kinds, write per_caption: " + std::to_string(config.kinds.size()) +
                     ", or give negatives.weights to draw the kinds");
  }
}

}  // namespace

void NegativesConfig::fields(config::Collector& v) {
  v(source, "source", "Where hard negatives come from: made from the caption, a column of the table, or nowhere");
  v(kinds, "kinds", "Generators for source: generate, taken in turn: negative k is of kind k", negative_kind_names());
  v(weights, "weights", "Draw each negative's kind instead, with these chances (a number for each of kinds); [] = in turn",
    config::at_least(0));
  v(fallback, "fallback", "Kinds tried in order for a caption of which none of kinds makes anything", negative_kind_names());
  v(per_caption, "per_caption",
    "Negatives a caption, for source: generate and for sample: all (what is missing is padded with none)", config::at_least(1));
  v(column, "column", "Column with a JSON or Python list of negatives");
  v(sample, "sample", "one = one of the list drawn each epoch, all = all of them in order");
  v(avoid_batch_captions, "avoid_batch_captions",
    "Drop a negative that equals a caption of its batch, its own or another's (compared in lower case, without blanks and "
    "without .,;:!? at the end)");
}

void NegativesConfig::validate(config::Problems& problems) const {
  if (source == NegativeSource::kGenerate) check_generate(*this, problems);
  if (source == NegativeSource::kColumn && column.empty()) {
    problems.add("negatives.column", "negatives.source: column needs the name of the column");
  }
}

int64_t NegativesConfig::count() const {
  switch (source) {
    case NegativeSource::kNone:
      return 0;
    case NegativeSource::kGenerate:
      return per_caption;
    case NegativeSource::kColumn:
      return sample == NegativeSample::kOne ? 1 : per_caption;
  }
  return 0;
}

}  // namespace fsc
