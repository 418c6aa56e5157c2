// From the files of one webdataset sample to image, caption and negatives.
#pragma once
#include <string>
#include <vector>

#include "fsc/data/sample_stream.h"
#include "fsc/shards/shard_reader.h"

namespace fsc::detail {

/// Looks up what data.train asks for. Thread-safe.
class ShardSampleReader {
 public:
  /// Error: a caption_key that is neither an extension nor json:key.
  ShardSampleReader(const TrainSourceConfig& config, std::string negative_column);

  /// Fills in image_bytes, image, caption and listed, or the problem. `choice` draws the caption: of a list, or by
  /// caption_weights.
  void read(ShardSample&& sample, Rng& choice, RawSample& raw) const;
  /// All captions under the caption keys the sample has, in order of preference, for checks.
  std::vector<std::string> captions(const ShardSample& sample) const;
  /// Bytes of the image, null when there is none.
  const std::string* image(const ShardSample& sample) const;
  /// "txt, json:caption".
  std::string caption_keys() const;
  /// "jpg, json (caption, url)": what a sample has, to say where its caption may be.
  static std::string contents(const ShardSample& sample);

 private:
  struct CaptionKey {
    std::string extension, name;  // name: key of a JSON object, "" for a text file; extension "dir": a folder of texts
    double weight;
  };
  std::vector<std::string> captions_under(const ShardSample& sample, const CaptionKey& key) const;

  std::vector<CaptionKey> keys_;
  std::vector<std::string> image_keys_;
  std::string negative_column_;
  bool weighted_;
};

}  // namespace fsc::detail
