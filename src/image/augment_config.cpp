// data.augment.*: one line an option.
#include "fsc/image/preprocess.h"

namespace fsc {

void AugmentConfig::fields(config::Collector& v) {
  v(scale, "scale", "RandomResizedCrop: smallest and largest share of the area", config::between(0.0, 1.0));
  v(ratio, "ratio", "RandomResizedCrop: smallest and largest width / height", config::above(0.0));
  v(color_jitter, "color_jitter", "ColorJitter strengths: brightness, contrast, saturation, hue (empty = off)",
    config::at_least(0.0));
  v(color_jitter_prob, "color_jitter_prob", "Probability of the colour jitter", config::between(0.0, 1.0));
  v(gray_scale_prob, "gray_scale_prob", "Probability of turning grey", config::between(0.0, 1.0));
}

}  // namespace fsc
