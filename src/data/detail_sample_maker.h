// A worker's job: from a place of the order to pixels and token ids.
#pragma once
#include <exception>
#include <mutex>
#include <optional>
#include <string>

#include "fsc/data/collate.h"
#include "fsc/data/loader.h"
#include "fsc/data/sample_stream.h"

namespace fsc {

/// What a worker is at, for the watchdog.
class Activity {
 public:
  void set(Stage stage, const std::string& key) {
    std::lock_guard lock(mutex_);
    stage_ = stage;
    key_ = key;
  }
  void rest() {
    std::lock_guard lock(mutex_);
    key_.clear();
  }
  /// "decode of a.jpg", "" at rest.
  std::string text() const {
    std::lock_guard lock(mutex_);
    return key_.empty() ? "" : std::string(stage_name(stage_)) + " of " + key_;
  }

 private:
  mutable std::mutex mutex_;
  Stage stage_ = Stage::kRead;
  std::string key_;
};

/// What became of one place of the order: a sample, why there is none (in `raw`), or an exception that ends the run.
struct Made {
  RawSample raw;  ///< without its image
  std::optional<Sample> sample;
  uint64_t caption_hash = 0;              ///< of the normalised caption
  std::vector<uint64_t> negative_hashes;  ///< likewise, one a slot
  LoaderStats counts;                     ///< of this sample
  std::exception_ptr failure;
};

/// Thread-safe.
class SampleMaker {
 public:
  explicit SampleMaker(const LoaderSetup& setup) : setup_(setup), negatives_(setup.negatives) {}
  Made make(RawSample raw, uint64_t epoch, Activity& activity) const;
  const NegativeMaker& negatives() const { return negatives_; }

 private:
  void add_image(Made& made, uint64_t epoch, Activity& activity) const;
  void add_texts(Made& made, uint64_t epoch, Activity& activity) const;
  std::vector<int64_t> encode(const std::string& text, LoaderStats& counts) const;

  const LoaderSetup& setup_;
  NegativeMaker negatives_;
};

}  // namespace fsc
