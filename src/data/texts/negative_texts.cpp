// Hard negatives, listed or made from the caption (negatives.*); a group without slots where there are none.
#include "data/detail_text_producer.h"

namespace fsc::detail {

TextProducer negative_texts(const LoaderSetup& setup) {
  const auto maker = std::make_shared<const NegativeMaker>(setup.negatives);
  const auto make = [maker](const TextRequest& sample) {
    const RawSample& raw = sample.raw;
    MadeReport report;
    NegativeTexts texts = maker->make(raw.caption, raw.listed, {sample.seed, sample.epoch, raw.index}, &report);
    sample.counts.at(Stage::kAnalyse) += report.analysis_seconds;
    sample.counts.at(Stage::kGenerate) += report.generation_seconds;
    for (auto& text : texts)
      if (text && text->empty()) text.reset();
    return texts;
  };
  const std::string model = maker->text_model();
  return TextProducer{.group = kNegatives,
                      .truth = Truth::kWrong,
                      .make = make,
                      .fingerprint = model.empty() ? "" : "negatives by text model " + model};
}

}  // namespace fsc::detail
