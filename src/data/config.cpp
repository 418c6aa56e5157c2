// Rules between the keys of data.*.
#include "fsc/data/data_config.h"

namespace fsc {

void DataConfig::validate(config::Problems& problems) const {
  if (train.path.empty()) problems.add("data.train.path", "is missing; name the table of images and captions");
  const auto pair_in_order = [&](const std::vector<double>& range, const char* path) {
    if (augmented && (range.size() != 2 || range[0] > range[1])) problems.add(path, "expected two numbers in rising order, such as [0.9, 1.0]");
  };
  pair_in_order(augment.scale, "data.augment.scale");
  pair_in_order(augment.ratio, "data.augment.ratio");
  if (augmented && augment.scale.size() == 2 && augment.scale[0] <= 0) problems.add("data.augment.scale", "must be above 0");
  const auto& jitter = augment.color_jitter;
  if (augmented && !jitter.empty() && jitter.size() != 3 && jitter.size() != 4)
    problems.add("data.augment.color_jitter", "expected [brightness, contrast, saturation] or [brightness, contrast, saturation, hue]");
  if (augmented && jitter.size() == 4 && jitter[3] > 0.5) problems.add("data.augment.color_jitter", "hue must be at most 0.5");
}

}  // namespace fsc
