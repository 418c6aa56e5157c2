// bad_samples.txt and the share of data that may be bad.
#include <fmt/format.h>

#include <fstream>

#include "data/detail_bad_samples.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc::detail {

BadSamples::BadSamples(std::filesystem::path file, bool writes, double share, int64_t total)
    : file_(std::move(file)), writes_(writes && !file_.empty()), share_(share), total_(total) {
  if (!writes_) return;
  std::ifstream known(file_);
  for (std::string line; std::getline(known, line);) listed_.insert(line.substr(0, line.find('\t')));
}

void BadSamples::add(const RawSample& sample) {
  if (!seen_.insert(sample.index).second) return;
  count_ += sample.lost;
  last_ = sample.problem;
  if (!writes_ || !listed_.insert(sample.key).second) return;
  std::ofstream out(file_, std::ios::app);
  out << sample.key << '\t' << sample.problem << '\n';
  if (!out.flush()) throw_io_error(file_, "write", errno);
}

void BadSamples::check() const {
  const bool some_left = count_ < total_;  // a share of 1 must not let the loader search forever
  if (some_left && static_cast<double>(count_) <= share_ * static_cast<double>(total_)) return;
  throw Error(fmt::format("{} of {} samples are missing or broken, more than data.max_bad_samples = {:g} allows; the last: {}{}",
                          count_, total_, share_, last_, file_.empty() ? "" : "; all are named in " + file_.string()));
}

}  // namespace fsc::detail
