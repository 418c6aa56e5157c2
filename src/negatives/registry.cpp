// The kinds of negatives.
#include "fsc/negatives/generator.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

constexpr NegativeKind kKinds[] = {
    {"swap", 1, "two phrases or words of one kind change places (NegCLIP)", make_swap},
    {"replace", 2, "a word gives way to an antonym or a cousin in WordNet, a preposition to another (CLoVe)", make_replace},
    {"shuffle", 3, "the words in pairs, the pairs in random order", make_shuffle},
    {"svlc", 4, "a colour, size, material, state, action, noun or number gives way to another (TSVLC)", make_svlc},
};

}  // namespace

std::span<const NegativeKind> negative_kinds() { return kKinds; }

std::vector<std::string> negative_kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace fsc
