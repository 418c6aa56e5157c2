// The geometry of the transforms, apart from pixels so that its laws can be tested.
#pragma once
#include "fsc/core/rng.h"
#include "fsc/image/preprocess.h"
#include "image/detail_resize.h"

namespace fsc::detail {

/// torchvision's RandomResizedCrop: ten tries of a uniform area and a log-uniform aspect ratio, then the largest central
/// crop whose aspect ratio is allowed.
Box draw_crop(int64_t height, int64_t width, const std::vector<double>& scale, const std::vector<double>& ratio, Rng& rng);

}  // namespace fsc::detail
