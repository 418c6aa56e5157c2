// Every kind of text, a line each.
#include <set>

#include "data/detail_text_producer.h"
#include "fsc/core/error.h"

/// A line a kind, in the order of the rows in a batch: NAME for the `TextProducer NAME_texts(const LoaderSetup&)` of a file in
/// this folder.
#define FSC_TEXT_KINDS(LINE) \
  LINE(caption)              \
  LINE(negative)

namespace fsc::detail {

#define FSC_DECLARE(NAME) TextProducer NAME##_texts(const LoaderSetup& setup);
FSC_TEXT_KINDS(FSC_DECLARE)
#undef FSC_DECLARE

std::vector<TextProducer> make_text_producers(const LoaderSetup& setup) {
  std::set<std::string> missing(setup.groups.begin(), setup.groups.end());
  std::vector<TextProducer> producers;
  const auto add = [&](TextProducer producer) {
    const bool always = producer.group == kCaptions || producer.group == kNegatives;
    if (missing.erase(producer.group) > 0 || always) producers.push_back(std::move(producer));
  };
#define FSC_ADD(NAME) add(NAME##_texts(setup));
  FSC_TEXT_KINDS(FSC_ADD)
#undef FSC_ADD
  if (!missing.empty())
    throw UsageError("a term of the loss reads texts of the group " + *missing.begin() + ", and no kind of text makes them");
  return producers;
}

}  // namespace fsc::detail
