// Batches from data.train: a fixed order of samples a seed and an epoch, made by worker threads ahead of the trainer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/data/loader_stats.h"
#include "fsc/negatives/negatives.h"
#include "fsc/tensor/text_rows.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

/// Gives every process's words, in the order of ranks: a collective call of all of them.
using ExchangeWords = std::function<std::vector<std::string>(const std::string& words)>;

/// What a loader needs besides its data.
struct LoaderSetup {
  DataConfig data;
  NegativesConfig negatives;
  Preprocess preprocess;
  const Tokenizer* tokenizer = nullptr;
  int64_t context_length = 77;
  int64_t batch_size = 1;  ///< of all processes together
  int64_t accum_freq = 1;  ///< a batch holds accum_freq times batch_size samples; data.prefetch counts batch_size of them
  uint64_t seed = 0;
  std::vector<std::string> groups = {};    ///< of texts that are read besides captions and negatives
  int64_t rank = 0, world = 1;             ///< this process among those that share the data
  ExchangeWords exchange = {};             ///< null = alone; called by the loader's constructor, start() and next()
  std::filesystem::path bad_samples_file;  ///< "" = names go to the log only; rank 0 writes it
};

/// Where a run stands in its data: which batch comes next, and how to find it again. The same on all processes, and valid for
/// any number of them.
struct DataPlace {
  int64_t batch = 0;       ///< batches handed out since the beginning of the run
  int64_t epoch = 0;       ///< of the next batch, 0-based
  int64_t draw = 0;        ///< places of that epoch's order that were taken
  std::string state = {};  ///< JSON: places of waiting samples, and for shards the place in them and what the buffer holds; ""
                           ///< where an epoch begins

  bool operator==(const DataPlace&) const = default;
};

/// Order, augmentation and negatives of a sample depend on (seed, epoch, sample) only, never on the number of workers.
/// A broken sample is skipped and the batch filled with the next of the order; past its end the order starts again, so an epoch
/// always has floor(samples / batch size) full batches. Where duplicates are avoided a sample whose image or caption is in the
/// batch already waits for a later one: at most kLookAhead wait, the longest first in line; what still waits at the end of an
/// epoch is taken as it comes. Not thread-safe.
///
/// Several processes have one order and compose the same batches, of which each makes and gets its rows: each place of the order
/// is one process's, which tells the others what is needed to compose. So all must make the same calls; what one of them cannot
/// go on with ends the call of all: with an Error that names it, or Stopped.
class Loader {
 public:
  static constexpr size_t kLookAhead = 64;

  /// Opens data.train. Error: as open_stream_of, more than data.max_bad_samples missing, batch larger than the data, a text model
  /// that cannot be read.
  explicit Loader(LoaderSetup setup);
  ~Loader();

  int64_t samples() const;  ///< samples of an epoch, of all processes
  int64_t batches_per_epoch() const;
  int64_t negatives_per_caption() const;
  /// What a resumed run must find the same, on any number of processes: sizes, hashes of tables or of the list of shards, the
  /// text model.
  const std::string& fingerprint() const;

  /// Starts the workers at the beginning of an epoch or at a place().
  void start(const DataPlace& at = {});
  /// This process's rows of the next batch, of the next epoch where one is over. Error when bad samples exceed
  /// data.max_bad_samples, or where a process would have fewer rows than the batch has parts; Stopped when a stop is asked for
  /// while it waits for a sample (place() is then as before the call, and nothing else may be called).
  Batch next();
  /// Where the next batch begins.
  DataPlace place() const;
  /// Of this process; bad samples are all processes'.
  LoaderStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsc
