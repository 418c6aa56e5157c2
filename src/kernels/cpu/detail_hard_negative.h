// What an instruction set does to rows of logits of the (1+N)-way loss; no code.
#pragma once
#include <cstddef>

namespace fsc::detail {

/// `rows` rows of `classes` logits, column 0 the truth, and which of the others exist.
struct HardNegativeRows {
  const float* logits = nullptr;
  const bool* valid = nullptr;  ///< [rows, classes - 1]
  size_t rows = 0, classes = 0;
  float gamma = 0, smoothing = 0;
  bool masked = false;       ///< a negative that does not exist is not in the softmax
  float* scratch = nullptr;  ///< hard_negative_scratch(classes) numbers
};

/// Three numbers a class of the widest vector's lanes.
inline constexpr size_t hard_negative_scratch(size_t classes) { return 3 * 16 * classes; }

struct HardNegativeSum {
  double sum = 0, count = 0;  ///< over rows with a negative
};

struct HardNegativeLoops {
  HardNegativeSum (*add)(const HardNegativeRows& in);
  /// weight * d sum / d logits into `slopes` [rows, classes].
  void (*differentiate)(const HardNegativeRows& in, float weight, float* slopes);
};

extern const HardNegativeLoops kHardNegativePortable, kHardNegativeAvx2, kHardNegativeAvx512;

}  // namespace fsc::detail
