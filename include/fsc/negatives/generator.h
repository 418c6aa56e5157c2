// Kinds of generated negatives behind one interface: (analysed caption, stream) -> a wrong caption, or none.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/core/rng.h"
#include "fsc/text/text_model.h"

namespace fsc {

/// Immutable and thread-safe: all chance comes from the stream.
class NegativeGenerator {
 public:
  virtual ~NegativeGenerator() = default;
  /// A wrong version of the caption, never the caption itself; nullopt where this kind finds nothing to change.
  virtual std::optional<std::string> make(const Analysis& caption, Rng& rng) const = 0;
  /// Every negative make() could give, sorted, each once, for tests and counts. shuffle, whose support is too large, gives one.
  virtual std::vector<std::string> support(const Analysis& caption) const = 0;
};

/// One kind. `stream` keeps its draws apart from the others' and is part of a run's identity: never renumber.
struct NegativeKind {
  const char* name;
  uint64_t stream;
  const char* help;
  std::unique_ptr<NegativeGenerator> (*create)(std::shared_ptr<const TextModel> model);
};

/// All kinds, one line each in src/negatives/registry.cpp.
std::span<const NegativeKind> negative_kinds();

// The generators (docs/numerics.md has their laws).
std::unique_ptr<NegativeGenerator> make_swap(std::shared_ptr<const TextModel> model);
std::unique_ptr<NegativeGenerator> make_replace(std::shared_ptr<const TextModel> model);
std::unique_ptr<NegativeGenerator> make_shuffle(std::shared_ptr<const TextModel> model);
std::unique_ptr<NegativeGenerator> make_svlc(std::shared_ptr<const TextModel> model);

}  // namespace fsc
