// Names of stretches of a run for NVIDIA's profilers.
#pragma once

namespace fsc::detail {

/// While it lives, what this thread does is called `name`. Without FSC_CUDA nothing.
class Range {
 public:
  explicit Range(const char* name);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace fsc::detail
