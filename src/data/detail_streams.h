// The kinds of SampleStream, and hashes that name images, captions and samples.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/data/sample_stream.h"

namespace fsc {

/// 64 bits of a text or of an image's bytes, eight bytes at a time.
uint64_t hash_text(std::string_view text);

/// A table or JSON; `source` is its place in data.train. Images that do not exist go to `missing`.
std::unique_ptr<SampleStream> open_pair_stream(const StreamSetup& setup, uint32_t source, std::vector<RawSample>& missing);

/// webdataset shards.
std::unique_ptr<SampleStream> open_shard_stream(const StreamSetup& setup, uint32_t source);

/// Several streams, sample by sample: an epoch holds weight times the samples of each.
std::unique_ptr<SampleStream> mix_streams(const StreamSetup& setup, std::vector<std::unique_ptr<SampleStream>> streams);

/// How many samples of an epoch this process has: all have the same number, what is left over is drawn by none.
inline int64_t share_of(int64_t samples, const StreamSetup& setup) { return samples / setup.world; }

}  // namespace fsc
