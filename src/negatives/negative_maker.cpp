// The negatives of one sample, from its column or made from its caption.
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "fsc/negatives/generator.h"
#include "fsc/negatives/negatives.h"
#include "negatives/detail_edit.h"

namespace fsc {
namespace {

/// The stream that draws a slot's kind; kinds have the numbers from 1 on.
constexpr uint64_t kChoiceStream = 0;

bool exists(const std::optional<std::string>& text) { return text && !text->empty(); }

NegativeTexts draw_one(const NegativeTexts& listed, Rng rng) {
  std::vector<std::string> present;
  for (const auto& text : listed) {
    if (exists(text)) present.push_back(*text);
  }
  if (present.empty()) return {std::nullopt};
  return {rng.pick(present)};
}

Rng stream(const NegativeMaker::Key& key, uint64_t kind, uint64_t occurrence) {
  return Rng({key.seed, static_cast<uint64_t>(Stream::kNegatives), key.epoch, key.index, kind, occurrence});
}

class Stopwatch {
 public:
  /// Seconds since the last call, or since the beginning.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

/// The negatives of one caption while they are made.
class NegativeMaker::Slots {
 public:
  Slots(const NegativeMaker& maker, const Analysis& caption, const Key& key)
      : maker_(maker), caption_(caption), key_(key), made_(maker.kinds_.size()) {}

  /// One of the kind that differs from those of this kind before it; the stream says which. Another kind may make the same text,
  /// as in the reference.
  std::optional<std::string> make(size_t kind) {
    const auto& [entry, generator] = maker_.kinds_[kind];
    NegativeTexts& made = made_[kind];
    Rng rng = stream(key_, entry->stream, made.size());
    std::optional<std::string> text = generator->make(caption_, rng);
    for (int attempt = 1; text && std::find(made.begin(), made.end(), text) != made.end(); ++attempt) {
      text = attempt < detail::kTries ? generator->make(caption_, rng) : std::nullopt;
    }
    made.push_back(text);
    return text;
  }

 private:
  const NegativeMaker& maker_;
  const Analysis& caption_;
  const Key& key_;
  std::vector<NegativeTexts> made_;  ///< of each kind so far
};

NegativeMaker::NegativeMaker(const NegativesConfig& config)
    : NegativeMaker(config, config.source == NegativeSource::kGenerate ? TextModel::shared() : nullptr) {}

NegativeMaker::NegativeMaker(const NegativesConfig& config, std::shared_ptr<const TextModel> model)
    : config_(config), model_(std::move(model)) {
  if (config.source != NegativeSource::kGenerate) return;
  config::Problems problems;
  config.validate(problems);
  problems.raise("negatives");
  for (const auto& name : config.kinds) slots_.push_back(use_kind(name));
  for (const auto& name : config.fallback) fallback_.push_back(use_kind(name));
  double sum = 0;
  for (const double weight : config.weights) cumulative_.push_back(sum += weight);
}

NegativeMaker::~NegativeMaker() = default;

/// The kind's place in kinds_, where it is added on its first use.
size_t NegativeMaker::use_kind(const std::string& name) {
  const auto known = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& kind) { return name == kind.entry->name; });
  if (known != kinds_.end()) return static_cast<size_t>(known - kinds_.begin());
  for (const auto& entry : negative_kinds()) {
    if (name != entry.name) continue;
    kinds_.push_back({&entry, entry.create(model_)});
    return kinds_.size() - 1;
  }
  throw UsageError("negatives.kinds: there is no kind " + name);
}

size_t NegativeMaker::kind_of_slot(size_t slot, const Key& key) const {
  if (cumulative_.empty()) return slots_[slot % slots_.size()];
  const double point = stream(key, kChoiceStream, slot).uniform(0, cumulative_.back());
  const auto chosen =
      std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, point);  // the end: rounding may give the sum itself
  return slots_[static_cast<size_t>(chosen - cumulative_.begin())];
}

NegativeTexts NegativeMaker::fill_slots(const Analysis& caption, const Key& key, std::vector<std::string_view>& kinds) const {
  NegativeTexts made;
  kinds.clear();
  Slots slots(*this, caption, key);
  for (size_t slot = 0; slot < static_cast<size_t>(config_.per_caption); ++slot) {
    const size_t kind = kind_of_slot(slot, key);
    kinds.emplace_back(kinds_[kind].entry->name);
    made.push_back(slots.make(kind));
  }
  if (std::any_of(made.begin(), made.end(), exists)) return made;
  for (const size_t kind : fallback_) {
    made[0] = slots.make(kind);
    if (!made[0]) continue;
    kinds[0] = kinds_[kind].entry->name;
    break;
  }
  return made;
}

std::vector<NegativeTexts> NegativeMaker::generate(std::span<const Request> requests) const {
  if (!model_) throw std::logic_error("NegativeMaker::generate needs negatives.source: generate");
  Stopwatch watch;
  std::vector<std::string_view> captions;
  for (const Request& request : requests) captions.push_back(request.caption);
  const std::vector<Analysis> analyses = model_->analyse(captions);
  const double analysis_seconds = watch.lap() / static_cast<double>(std::max<size_t>(1, requests.size()));

  std::vector<NegativeTexts> made;
  MadeReport unread;
  for (size_t i = 0; i < requests.size(); ++i) {
    MadeReport& report = requests[i].report ? *requests[i].report : unread;
    made.push_back(fill_slots(analyses[i], requests[i].key, report.kinds));
    report.analysis_seconds += analysis_seconds;
    report.generation_seconds += watch.lap();
  }
  return made;
}

NegativeTexts NegativeMaker::make(const std::string& caption, const NegativeTexts& listed, const Key& key,
                                  MadeReport* report) const {
  switch (config_.source) {
    case NegativeSource::kNone:
      return {};
    case NegativeSource::kGenerate: {
      const Request request{caption, key, report};
      return generate({&request, 1}).front();
    }
    case NegativeSource::kColumn: {
      if (config_.sample == NegativeSample::kOne)
        return draw_one(listed, Rng::of(key.seed, key.epoch, key.index, Stream::kNegatives));
      NegativeTexts all = listed;
      all.resize(static_cast<size_t>(config_.per_caption));  // pads with "no negative"
      return all;
    }
  }
  return {};
}

std::string normalized_caption(std::string_view caption) {
  std::string text = lower(caption);
  std::erase_if(text, [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
  static constexpr std::string_view kMarks = ".,;:!?";
  text.erase(text.find_last_not_of(kMarks) + 1);
  return text;
}

std::string NegativeMaker::text_model() const { return model_ ? model_->fingerprint() : ""; }

}  // namespace fsc
