// negatives.*: rules between its keys, and how many negatives a caption gets.
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

/// The kinds that cannot be made yet, as a subject with its verb; "" when all can.
std::string unavailable(const std::vector<std::string>& kinds) {
  std::string names;
  size_t count = 0;
  for (const auto& kind : kinds) {
    if (kind == "shuffle") continue;
    names += (count++ ? " and " : "") + kind;
  }
  return names.empty() ? "" : names + (count > 1 ? " are" : " is") + " not available yet";
}

}  // namespace

void NegativesConfig::validate(config::Problems& problems) const {
  if (source == NegativeSource::kGenerate) {
    if (kinds.empty()) problems.add("negatives.kinds", "the list is empty; name at least one kind: [shuffle]");
    if (const auto text = unavailable(kinds); !text.empty()) {
      problems.add("negatives.kinds",
                   text + "; use [shuffle] or negatives.source: column" +
                       (problems.was_set("negatives.kinds") ? "" : " (the default is all kinds: write kinds: [shuffle])"));
    }
  }
  if (source == NegativeSource::kColumn && column.empty()) {
    problems.add("negatives.column", "negatives.source: column needs the name of the column");
  }
}

int64_t NegativesConfig::count() const {
  switch (source) {
    case NegativeSource::kNone:
      return 0;
    case NegativeSource::kGenerate:
      return static_cast<int64_t>(kinds.size());
    case NegativeSource::kColumn:
      return sample == NegativeSample::kOne ? 1 : per_caption;
  }
  return 0;
}

}  // namespace fsc
