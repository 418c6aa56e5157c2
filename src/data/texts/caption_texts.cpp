// The caption as its source has it, an empty one too.
#include "data/detail_text_producer.h"

namespace fsc::detail {

TextProducer caption_texts(const LoaderSetup&) {
  const auto make = [](const TextRequest& sample) { return std::vector<std::optional<std::string>>{sample.raw.caption}; };
  return TextProducer{.group = kCaptions, .truth = Truth::kRight, .make = make};
}

}  // namespace fsc::detail
