// Hard-negative captions: from a table's column or made by a generator.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/core/rng.h"

namespace fsc {

enum class NegativeSource { kGenerate, kColumn, kNone };
enum class NegativeSample { kOne, kAll };

/// negatives.*
struct NegativesConfig {
  NegativeSource source = NegativeSource::kNone;
  std::vector<std::string> kinds = {"swap", "replace", "shuffle"};
  int64_t per_caption = 3;
  std::string column = "neg_caption";
  NegativeSample sample = NegativeSample::kOne;

  template <class V>
  void fields(V& v);
  void validate(config::Problems& problems) const;
  /// Negatives a caption gets (N); 0 without a source. generate: one a kind; column: 1 for `one`, per_caption for `all`.
  int64_t count() const;
};

/// One entry per slot; nullopt or "" = no such negative.
using NegativeTexts = std::vector<std::optional<std::string>>;

/// Parses a cell with a JSON or Python-literal list of strings. Error text is "column 7: what is wrong" (characters of the
/// cell, from 1); callers add the row. None, null, blank strings and nothing before a comma become nullopt; a comma after the
/// last entry adds none. A blank cell is an empty list.
NegativeTexts parse_negative_list(const std::string& cell);

/// The N = config.count() negatives of one sample. `listed` comes from the column (ignored for generate); draws come from
/// `rng`. sample: one draws evenly among the entries that exist; all cuts a list longer than per_caption.
NegativeTexts make_negatives(const NegativesConfig& config, const std::string& caption, const NegativeTexts& listed, Rng& rng);

/// Bigram shuffle over whitespace tokens (negatives.kinds: shuffle): pairs of tokens in random order. A last single token of
/// punctuation only is held out and goes in front of everything or to the end of a pair; a mark that is written together with
/// the last word moves with that word. nullopt for a single pair, or when ten tries give the caption again.
std::optional<std::string> shuffle_caption(const std::string& caption, Rng& rng);

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::NegativeSource> {
  static constexpr const char* names[] = {"generate", "column", "none"};
};
template <>
struct fsc::config::EnumNames<fsc::NegativeSample> {
  static constexpr const char* names[] = {"one", "all"};
};

template <class V>
void fsc::NegativesConfig::fields(V& v) {
  v(source, "source", "Where hard negatives come from: made from the caption, a column of the table, or nowhere");
  v(kinds, "kinds", "Generators for source: generate, one negative each", {"swap", "replace", "shuffle"});
  v(per_caption, "per_caption", "Negatives a caption for source: column, sample: all (shorter lists are padded with none)", config::at_least(1));
  v(column, "column", "Column with a JSON or Python list of negatives");
  v(sample, "sample", "one = one of the list drawn each epoch, all = all of them in order");
}
