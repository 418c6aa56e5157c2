// Rules between the keys of different groups.
#include "fsc/train/run_config.h"

namespace fsc {

void RunConfig::validate(config::Problems& problems) const {
  data.validate(problems);
  negatives.validate(problems);
  optim.validate(problems);
  if (model.arch.empty() && model.pretrained.empty())
    problems.add("model.arch",
                 "is missing; name an architecture such as ViT-B-32-quickgelu, or give model.pretrained a run folder");
  model.lora.validate(problems, "model.lora");
  if (!is_device_name(train.device))
    problems.add("train.device", "'" + train.device + "' is no device; give auto, cpu, cuda or cuda:N");
  if (!model.lock_image && model.lock_image_unlocked_blocks > 0)
    problems.add("model.lock_image_unlocked_blocks", "has no effect without model.lock_image: true");
  if (!model.lock_text && model.lock_text_unlocked_blocks > 0)
    problems.add("model.lock_text_unlocked_blocks", "has no effect without model.lock_text: true");
  if (output.dir.empty()) problems.add("output.dir", "is empty; name a run folder");
  const bool hn_terms = loss.global_hn_weight > 0 || loss.local_hn_weight > 0;
  if (!problems.was_misread("loss.name") && loss.name == LossName::kFsc && hn_terms && negatives.source == NegativeSource::kNone)
    problems.add(
        "negatives.source",
        "is none, but loss.name: fsc needs hard negatives; set negatives.source to column or generate, or loss.name to clip");
}

}  // namespace fsc
