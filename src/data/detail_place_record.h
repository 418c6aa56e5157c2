// What all processes are told of a place of the order, so that they compose the same batches.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/detail_sample_maker.h"
#include "data/detail_together.h"

namespace fsc::detail {

/// A sample by what a batch is composed by, or why there is none.
struct PlaceRecord {
  int64_t owner = 0;  ///< the process that has made it
  bool is_usable = true;
  uint64_t image = 0;
  std::vector<uint64_t> right_texts = {};  ///< hashes of the texts that are true of the image
  RawSample bad = {};                      ///< what is counted and named, where it is not usable

  static PlaceRecord of(const Made& made, int64_t owner);
  void write(WordsOut& words) const;
  static PlaceRecord read(WordsIn& words, int64_t owner);
};

/// A place of the order as this process has it.
struct Placed {
  PlaceRecord record;
  Made made;  ///< with a sample in its owner's process alone
};

}  // namespace fsc::detail
