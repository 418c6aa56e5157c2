// Kinds of text that samples come with: one file each in src/data/texts/, one line in its registry.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fsc/data/collate.h"
#include "fsc/data/loader.h"
#include "fsc/data/sample_stream.h"

namespace fsc::detail {

/// The sample that texts are wanted of. What is drawn for it is a function of (seed, epoch, raw.index).
struct TextRequest {
  const RawSample& raw;  ///< without its image
  uint64_t seed = 0, epoch = 0;
  LoaderStats& counts;  ///< of this sample: gets the seconds of the stages and what else is counted
};

/// One kind of text.
struct TextProducer {
  std::string group;  ///< its name in TextRoles
  Truth truth = Truth::kOpen;
  /// The texts slot by slot, nullopt where there is none; as many slots for every sample. Thread-safe.
  std::function<std::vector<std::optional<std::string>>(const TextRequest&)> make;
  std::string fingerprint = {};  ///< what a resumed run must find the same beside config and data, in words; "" = nothing
};

/// The kinds that this run has, in the registry's order: captions, negatives, then those whose group somebody reads
/// (setup.groups). UsageError for a group that none of them makes.
std::vector<TextProducer> make_text_producers(const LoaderSetup& setup);

}  // namespace fsc::detail
