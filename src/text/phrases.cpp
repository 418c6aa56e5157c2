// Reads the lists of phrases.
#include "fsc/text/phrases.h"

#include "text/detail_tables.h"

namespace fsc {
namespace {

std::unordered_set<std::string> read_set(detail::Reader& reader) {
  const auto pool = detail::StringPool::read(reader);
  std::unordered_set<std::string> set;
  for (uint32_t i = 0; i < pool.size(); ++i) set.emplace(pool[i]);
  return set;
}

}  // namespace

Phrases Phrases::parse(std::string_view bytes, const std::string& name) {
  detail::Reader reader(bytes, name);
  Phrases phrases;
  phrases.phrasal_verbs = read_set(reader);
  phrases.phrasal_prepositions = read_set(reader);
  const auto prepositions = detail::StringPool::read(reader);
  for (uint32_t i = 0; i < prepositions.size(); ++i) {
    const uint32_t weight = reader.u32();
    // The bound keeps the sum of all weights far below 2^32.
    if (weight == 0 || weight > 1'000'000)
      reader.fail("a preposition's weight of " + std::to_string(weight) + " is not in 1 .. 1000000");
    phrases.prepositions.emplace_back(prepositions[i], weight);
  }
  reader.expect_end();
  return phrases;
}

}  // namespace fsc
