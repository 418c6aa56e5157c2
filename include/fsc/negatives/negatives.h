// Hard-negative captions: from a table's column or made from the caption itself.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/core/rng.h"

namespace fsc {

struct Analysis;
class NegativeGenerator;
struct NegativeKind;
class TextModel;

enum class NegativeSource { kGenerate, kColumn, kNone };
enum class NegativeSample { kOne, kAll };

/// negatives.*
struct NegativesConfig {
  NegativeSource source = NegativeSource::kNone;
  std::vector<std::string> kinds = {"swap", "replace", "shuffle"};
  std::vector<double> weights = {};
  std::vector<std::string> fallback = {};
  int64_t per_caption = 3;
  std::string column = "neg_caption";
  NegativeSample sample = NegativeSample::kOne;
  bool avoid_batch_captions = false;

  void fields(config::Collector& v);
  void validate(config::Problems& problems) const;
  /// Negatives a caption gets (N); 0 without a source, 1 for one of a column's.
  int64_t count() const;
};

/// Names of all kinds that can be made, in the registry's order.
std::vector<std::string> negative_kind_names();

/// One entry per slot; nullopt or "" = no such negative.
using NegativeTexts = std::vector<std::optional<std::string>>;

/// Parses a cell with a JSON or Python-literal list of strings. Error text is "column 7: what is wrong" (characters of the
/// cell, from 1); callers add the row. None, null, blank strings and nothing before a comma become nullopt; a comma after the
/// last entry adds none. A blank cell is an empty list.
NegativeTexts parse_negative_list(const std::string& cell);

/// True for a text of white space only, which is no negative where it is listed.
bool is_blank_negative(std::string_view text);

/// How the negatives of a caption came to be; times add up over calls.
struct MadeReport {
  double analysis_seconds = 0, generation_seconds = 0;
  std::vector<std::string_view> kinds;  ///< of each slot for source: generate, also where nothing could be made
};

/// Makes the negatives of samples as negatives.* asks. Immutable, thread-safe.
class NegativeMaker {
 public:
  /// Loads TextModel::shared() for source: generate, and only then.
  explicit NegativeMaker(const NegativesConfig& config);
  NegativeMaker(const NegativesConfig& config, std::shared_ptr<const TextModel> model);
  ~NegativeMaker();
  NegativeMaker(const NegativeMaker&) = delete;
  NegativeMaker& operator=(const NegativeMaker&) = delete;

  /// Names a sample. What is drawn for it is a function of this, of a negative's kind and of how many of that kind stand before
  /// it.
  struct Key {
    uint64_t seed = 0, epoch = 0, index = 0;
  };

  /// config.count() entries. `listed` comes from the column and is ignored for generate. sample: one draws evenly among the
  /// entries that exist; all cuts a list longer than per_caption and pads a shorter one. Generated ones differ from the caption
  /// and from others of their kind; a caption without words has none.
  NegativeTexts make(const std::string& caption, const NegativeTexts& listed, const Key& key, MadeReport* report = nullptr) const;

  /// A caption to make negatives of.
  struct Request {
    std::string_view caption;
    Key key;
    MadeReport* report = nullptr;
  };
  /// The same for several captions, for source: generate only. They are analysed together, which takes a third less time from 16
  /// captions on; what is made of one does not depend on the others.
  std::vector<NegativeTexts> generate(std::span<const Request> requests) const;

  /// SHA-256 of the text model behind source: generate, "" otherwise: another model makes other negatives.
  std::string text_model() const;

 private:
  struct Kind {
    const NegativeKind* entry;
    std::unique_ptr<NegativeGenerator> generator;
  };
  class Slots;
  size_t use_kind(const std::string& name);
  size_t kind_of_slot(size_t slot, const Key& key) const;
  NegativeTexts fill_slots(const Analysis& caption, const Key& key, std::vector<std::string_view>& kinds) const;

  NegativesConfig config_;
  std::shared_ptr<const TextModel> model_;
  std::vector<Kind> kinds_;               ///< that the config names, each once
  std::vector<size_t> slots_, fallback_;  ///< entries of config.kinds and config.fallback in kinds_
  std::vector<double> cumulative_;        ///< running sums of config.weights
};

/// What captions have in common that differ in case, blanks and final marks only: for avoid_batch_captions.
std::string normalized_caption(std::string_view caption);

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::NegativeSource> {
  static constexpr const char* names[] = {"generate", "column", "none"};
};
template <>
struct fsc::config::EnumNames<fsc::NegativeSample> {
  static constexpr const char* names[] = {"one", "all"};
};
