// The negatives of one sample, from its column or made from its caption.
#include "fsc/core/error.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

bool exists(const std::optional<std::string>& text) { return text && !text->empty(); }

NegativeTexts draw_one(const NegativeTexts& listed, Rng& rng) {
  std::vector<std::string> present;
  for (const auto& text : listed) {
    if (exists(text)) present.push_back(*text);
  }
  if (present.empty()) return {std::nullopt};
  return {rng.pick(present)};
}

NegativeTexts generate(const std::vector<std::string>& kinds, const std::string& caption, Rng& rng) {
  NegativeTexts negatives;
  for (const auto& kind : kinds) {
    if (kind != "shuffle") throw UsageError("negatives.kinds: " + kind + " is not available yet; use [shuffle]");
    // A stream for each slot: how many draws one needs does not change the next.
    Rng slot({rng.next()});
    negatives.push_back(shuffle_caption(caption, slot));
  }
  return negatives;
}

}  // namespace

NegativeTexts make_negatives(const NegativesConfig& config, const std::string& caption, const NegativeTexts& listed, Rng& rng) {
  switch (config.source) {
    case NegativeSource::kNone:
      return {};
    case NegativeSource::kGenerate:
      return generate(config.kinds, caption, rng);
    case NegativeSource::kColumn: {
      if (config.sample == NegativeSample::kOne) return draw_one(listed, rng);
      NegativeTexts all = listed;
      all.resize(static_cast<size_t>(config.per_caption));  // pads with "no negative"
      return all;
    }
  }
  return {};
}

}  // namespace fsc
