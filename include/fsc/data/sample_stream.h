// Samples before decoding, in the order of an epoch: what tables, JSON files, shards and mixes of them have in common.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace detail {
class Together;
}

/// What a place of the order lacks.
enum class SampleProblem {
  kNone,
  kImage,    ///< none, or one that cannot be read
  kCaption,  ///< none under the keys asked for
  kFiles,    ///< of a shard's sample: too many or too large
  kShard,    ///< what is left of a whole shard
};

/// One place of the order: a sample, or why there is none.
struct RawSample {
  uint64_t index = 0;                ///< names the sample's random streams; the same in every epoch, whatever the workers
  std::string key;                   ///< names it in messages
  uint64_t image = 0;                ///< equal for the same image
  std::filesystem::path image_file;  ///< where the image is, unless `image_bytes` hold it
  std::string image_bytes;
  std::string caption;
  NegativeTexts listed;  ///< from the column of negatives
  SampleProblem lacks = SampleProblem::kNone;
  std::string problem;  ///< that in words, "" = fine
  int64_t lost = 1;     ///< with a problem: how many samples are lost by it (a shard that cannot be read)
  uint32_t source = 0;  ///< element of data.train
  int64_t owner = -1;   ///< the only process that can read it; there is nothing else here in any other. -1 = all can

  void fail(SampleProblem what, std::string words) {
    lacks = what;
    problem = std::move(words);
  }
};

/// Seconds a stream spent, for the loader's table.
struct StreamSeconds {
  double read = 0, untar = 0;
};

/// Endless: after the last sample of an epoch its order begins again. The order is the same in all processes. Not thread-safe.
class SampleStream {
 public:
  virtual ~SampleStream() = default;
  /// Samples of an epoch.
  virtual int64_t size() const = 0;
  /// What a resumed run must find unchanged, as text.
  virtual std::string fingerprint() const = 0;
  /// True when images may come with several captions in an epoch.
  virtual bool repeats_images() const = 0;

  virtual void start(uint64_t epoch) = 0;
  /// Error: what ends the run, such as shards without any caption under the asked key.
  virtual RawSample next() = 0;
  /// Where next() stands, as JSON; restore() after start() of the same epoch goes on there.
  virtual std::string state() const = 0;
  virtual void restore(const std::string& state) = 0;
  /// True where state() lacks what only other processes read; merged() is the whole, from the states of all in the order of
  /// ranks. It may be called beside any other call.
  virtual bool is_partial() const { return false; }
  virtual std::string merged(const std::vector<std::string>& states) const { return states.at(0); }
  /// From another thread: next() is not to wait for a pipe or a server any more. The next start() undoes it.
  virtual void interrupt() {}
  virtual StreamSeconds seconds() const { return {}; }
  /// What next() is at, for the watchdog: a shard's name. Called from another thread.
  virtual std::string place() const { return ""; }
};

/// What a stream needs beside its source.
struct StreamSetup {
  const DataConfig* data = nullptr;
  std::string negative_column;  ///< "" = none
  uint64_t seed = 0;
  int64_t rank = 0, world = 1;
  detail::Together* together = nullptr;  ///< the processes; null = alone
};

/// The stream of all of data.train. `missing` gets the samples that are known to be lost before the start (images that do not
/// exist). What is there is looked up by rank 0, which tells the others. Error: as read_items and expand_shards; no image there
/// at all; a webdataset whose size nobody tells.
std::unique_ptr<SampleStream> open_stream_of(const StreamSetup& setup, std::vector<RawSample>& missing);

}  // namespace fsc
