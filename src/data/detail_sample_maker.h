// A worker's job: from a place of the order to pixels and token ids.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/detail_text_producer.h"
#include "data/detail_watchdog.h"

namespace fsc::detail {

/// What became of one place of the order: a sample, or why there is none (in `raw`).
struct Made {
  RawSample raw;  ///< without its image
  std::optional<Sample> sample;
  LoaderStats counts;  ///< of this sample
};

/// Thread-safe.
class SampleMaker {
 public:
  /// `setup` is kept by reference.
  explicit SampleMaker(const LoaderSetup& setup) : SampleMaker(setup, make_text_producers(setup)) {}
  SampleMaker(const LoaderSetup& setup, std::vector<TextProducer> texts) : setup_(setup), texts_(std::move(texts)) {}
  /// A bad sample is no exception: anything thrown here ends the run.
  Made make(RawSample raw, uint64_t epoch, Activity& activity) const;
  const std::vector<TextProducer>& texts() const { return texts_; }

 private:
  void add_image(Made& made, uint64_t epoch, Activity& activity) const;
  void add_texts(Made& made, uint64_t epoch, Activity& activity) const;
  TextGroup encode(const TextProducer& kind, const std::vector<std::optional<std::string>>& texts, LoaderStats& counts) const;
  TokenIds encode(const std::string& text, LoaderStats& counts) const;

  const LoaderSetup& setup_;
  const std::vector<TextProducer> texts_;
};

}  // namespace fsc::detail
