// Samples of a webdataset shard: files that follow one another and share a key.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fsc/shards/byte_stream.h"
#include "fsc/shards/tar_reader.h"

namespace fsc {

/// What one sample may have; a larger one is passed over (ShardSample::problem).
inline constexpr int64_t kMaxSampleFiles = 1000;
inline constexpr uint64_t kMaxSampleBytes = uint64_t{512} << 20;  ///< data and names of all its files together

/// One sample: `dir/0001.seg.png` has the key "dir/0001" and the extension "seg.png" (webdataset's rule: the key ends at the
/// first dot after the last slash; extensions are compared in lower case).
struct ShardSample {
  std::string key;
  std::vector<std::pair<std::string, std::string>> files;  ///< extension, bytes, in the archive's order; bytes empty when skipped
  int64_t index = 0;                                       ///< place in its shard, from 0; counts every whole sample
  bool interleaved = false;  ///< its key came before in this shard: a part of a sample, or a second one of that name
  std::string problem{};     ///< why it was passed over and has no files: too many of them, or too large; "" = fine
  /// Bytes of an extension (in lower case), null without it.
  const std::string* find(const std::string& extension) const;
};

/// Key and extension of a file's name; the key is empty for files that belong to no sample: without a dot, or with a name that
/// begins with one, or with a whole path that begins with "__".
std::pair<std::string, std::string> split_shard_file(const std::string& name);

/// Samples of one shard in order. What belongs to a sample must lie together: a key that comes back after another one, or an
/// extension twice under one key, is counted as interleaved and handed out as a sample of its own. Files that belong to no sample
/// are passed over. A sample beyond kMaxSampleFiles or kMaxSampleBytes counts as one, up to the next key, and has a problem
/// instead of files. Of a truncated archive the samples that were complete before the cut are handed out; the last one is dropped
/// unless the next key proved it whole.
class ShardReader {
 public:
  explicit ShardReader(const std::string& url, const StreamOptions& options = {});
  /// Of a stream that was opened already; `name` stands for it in messages.
  ShardReader(std::unique_ptr<ByteStream> stream, std::string name);
  ~ShardReader();
  /// The next sample; false at the end. Error: as ByteStream::read and TarReader::next. `with_data` false leaves the files' bytes
  /// empty and passes over them. A sample that is used again lends its memory to the next one.
  bool next(ShardSample& sample, bool with_data = true);
  /// Passes over `count` samples without reading their data; how many there were.
  int64_t skip(int64_t count);
  bool truncated() const { return archive().truncated(); }
  int64_t interleaved() const;
  /// How the archive itself stands: where it ended, and what was passed over.
  const TarReader& archive() const;

  /// Seconds spent on reading bytes and on taking the archive apart, so far.
  double read_seconds() const;
  double untar_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whole samples of a shard, by its headers only.
int64_t count_samples(const std::string& url, const StreamOptions& options = {});

}  // namespace fsc
