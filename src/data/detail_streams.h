// The kinds of SampleStream, and the numbers that name samples.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/detail_shard_plan.h"
#include "fsc/data/sample_stream.h"

namespace fsc::detail {

/// RawSample::index of the sample that its source calls `name` (a row, or a hash of a shard's name and key) in pass `pass` of an
/// epoch: a sample that comes again in an epoch gets other crops and negatives. Rows below 2^40 of 1024 sources in 16384 passes
/// are numbers of their own, and so are the passes and sources of one hash; beyond, and for two hashes, only chance could make
/// them equal.
uint64_t sample_index(uint64_t name, uint64_t source, uint64_t pass);

/// A table or JSON; `source` is its place in data.train. Images that do not exist go to `missing`.
std::unique_ptr<SampleStream> open_pair_stream(const StreamSetup& setup, uint32_t source, std::vector<RawSample>& missing);

/// One of data.shard_streams over a source's shards.
std::unique_ptr<SampleStream> one_shard_stream(const StreamSetup& setup, uint32_t source, const StreamOptions& options,
                                               std::shared_ptr<const ShardList> shards, int64_t stream);

/// webdataset shards: data.shard_streams that take turns, each read by the process that owns it, or all by every process where
/// these are more.
std::unique_ptr<SampleStream> open_shard_stream(const StreamSetup& setup, uint32_t source);

/// Several streams, sample by sample: an epoch holds weight times the samples of each.
std::unique_ptr<SampleStream> mix_streams(const StreamSetup& setup, std::vector<std::unique_ptr<SampleStream>> streams);

}  // namespace fsc::detail
