// What a shuffle buffer holds: samples, where they came from, and how much they count.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/data/sample_stream.h"

namespace fsc::detail {

/// A sample and where it came from, so that a resumed run can fetch it again.
struct Held {
  int64_t part = 0, sample = 0;  ///< sample -1: the shard itself failed
  RawSample raw;
};

/// What a held sample counts in the buffer: a function of the data only, so that a resumed run counts the same. (Of a failure the
/// text may differ then, and does not count.)
uint64_t bytes_of(const RawSample& raw);

/// The text, cut between two characters where it is too long for a message: a sample may have files with long names.
std::string shortened(std::string text);

}  // namespace fsc::detail
