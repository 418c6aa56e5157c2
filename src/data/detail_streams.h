// The kinds of SampleStream, and the numbers that name samples.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "fsc/data/sample_stream.h"

namespace fsc::detail {

/// RawSample::index of the sample that its source calls `name` (a row, or a hash of a shard's name and key) in pass `pass` of an
/// epoch: a sample that comes again in an epoch gets other crops and negatives. Rows below 2^40 of 1024 sources in 16384 passes
/// are numbers of their own, and so are the passes and sources of one hash; beyond, and for two hashes, only chance could make
/// them equal.
uint64_t sample_index(uint64_t name, uint64_t source, uint64_t pass);

/// A table or JSON; `source` is its place in data.train. Images that do not exist go to `missing`.
std::unique_ptr<SampleStream> open_pair_stream(const StreamSetup& setup, uint32_t source, std::vector<RawSample>& missing);

/// webdataset shards.
std::unique_ptr<SampleStream> open_shard_stream(const StreamSetup& setup, uint32_t source);

/// Several streams, sample by sample: an epoch holds weight times the samples of each.
std::unique_ptr<SampleStream> mix_streams(const StreamSetup& setup, std::vector<std::unique_ptr<SampleStream>> streams);

/// How many samples of an epoch this process has: all have the same number, what is left over is drawn by none.
inline int64_t share_of(int64_t samples, const StreamSetup& setup) { return samples / setup.world; }

}  // namespace fsc::detail
