// Counts bad samples, and names them once each in bad_samples.txt (many captions may share a photo).
#pragma once
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <unordered_set>

#include "fsc/data/sample_stream.h"

namespace fsc::detail {

class BadSamples {
 public:
  /// `share` of `total` samples may be bad. A file that is there already is gone on with; `writes` false = another process's.
  BadSamples(std::filesystem::path file, bool writes, double share, int64_t total);
  /// A sample counts once, however often it is met. Error: the file cannot be written.
  void add(const RawSample& sample);
  /// Error when there are more than allowed, or none left.
  void check() const;
  int64_t count() const { return count_; }

 private:
  std::filesystem::path file_;
  bool writes_;
  double share_;
  int64_t total_, count_ = 0;
  std::unordered_set<uint64_t> seen_;
  std::set<std::string> listed_;
  std::string last_;
};

}  // namespace fsc::detail
