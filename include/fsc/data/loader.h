// Batches from a table: a fixed order of samples a seed and an epoch, made by worker threads ahead of the trainer.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/negatives/negatives.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

/// B images and R texts: the B captions in order, then the negatives that exist, slot by slot (kind-major).
struct Batch {
  torch::Tensor images;        ///< float32 [B,3,S,S]
  torch::Tensor text_ids;      ///< int64 [R,T], T = the longest text, padded with 0; SigLIP: T = the context, padded with its pad id
  torch::Tensor text_valid;    ///< bool [R,T], ids > 0 without SOT (EOT is valid); SigLIP: words and the first EOS
  torch::Tensor owner;         ///< int64 [R], image of each text
  torch::Tensor caption_rows;  ///< int64 [B], row of each caption (0..B-1)
  torch::Tensor negative_rows; ///< int64 [B,N], row of each negative, -1 = missing
  std::vector<std::string> keys;  ///< B names for messages
  int64_t next_draw = 0;          ///< where in the epoch's order the next batch begins: the loader's whole state
};

/// Counts of what happened to texts and samples, for the summary.
struct LoaderStats {
  int64_t texts = 0, truncated = 0, mojibake = 0, invalid_utf8 = 0;
  int64_t bad_samples = 0;  ///< distinct samples that were missing or broken
};

/// What a loader needs besides its data.
struct LoaderSetup {
  DataConfig data;
  NegativesConfig negatives;
  Preprocess preprocess;
  const Tokenizer* tokenizer = nullptr;
  int64_t context_length = 77;
  int64_t batch_size = 1;
  int64_t accum_freq = 1;  ///< a batch holds accum_freq times batch_size samples; data.prefetch counts batch_size of them
  uint64_t seed = 0;
  std::filesystem::path bad_samples_file;  ///< "" = names go to the log only
};

/// Order, augmentation and negatives of a sample depend on (seed, epoch, index) only, never on the number of workers.
/// A broken sample is skipped and the batch filled with the next of the order; past its end the order starts again, so an epoch always
/// has floor(samples / batch size) full batches. Not thread-safe; one epoch at a time.
class Loader {
 public:
  /// Reads the table and looks for every image. Error: as read_pairs, no image there at all, more than
  /// data.max_bad_samples missing, batch larger than the data, a cell of negatives that is no list.
  explicit Loader(LoaderSetup setup);
  ~Loader();

  int64_t samples() const;  ///< samples whose image is there
  int64_t batches_per_epoch() const;
  int64_t negatives_per_caption() const;
  /// Rows, samples that are there, and a SHA-256 over the table's bytes and what is missing; a resumed run must see the same.
  const std::string& fingerprint() const;

  /// Starts the workers on `epoch` at place `draw` of its order (0 = the beginning).
  void start_epoch(int64_t epoch, int64_t draw = 0);
  /// The next batch. Error when bad samples exceed data.max_bad_samples.
  Batch next();
  LoaderStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsc
