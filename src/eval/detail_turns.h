// The ranks of a run take turns at a suite's batches, which stay those of one process, and so do the values.
#pragma once
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fsc/dist/world.h"

namespace fsc::detail {

/// Batch k of `total` inputs is made by rank k % W.
class Turns {
 public:
  Turns(World& world, int64_t total, int64_t batch_size) : world_(world), total_(total), batch_size_(batch_size) {}

  int64_t total() const { return total_; }
  int64_t batches() const { return (total_ + batch_size_ - 1) / batch_size_; }
  int64_t begin(int64_t batch) const { return batch * batch_size_; }
  int64_t end(int64_t batch) const { return std::min(begin(batch + 1), total_); }
  /// The inputs of a rank's batches from `first`, which is one of rank 0's, to before `last`, in their order.
  std::vector<int64_t> inputs_of(int64_t rank, int64_t first, int64_t last) const;
  /// All of this rank's.
  std::vector<int64_t> own_inputs() const { return inputs_of(world_.rank(), 0, batches()); }

  /// Makes a batch of this rank: rows on `device`, or none where an input cannot be read. Once that has happened on any rank
  /// nobody's rows are `wanted` any more, and the rest is only looked through.
  using Make = std::function<torch::Tensor(int64_t begin, int64_t end, bool wanted)>;
  /// Told how many inputs are done by all, as far as this rank can know.
  using Told = std::function<void(int64_t done)>;
  /// Rows [total,width] of all batches in float32 on the CPU, on every rank. All ranks meet now and then, so that one that is
  /// lost is missed early.
  torch::Tensor rows(int64_t width, torch::Device device, const Make& make, const Told& told) const;

 private:
  /// Everybody's rows of a round into `all`.
  void place(const std::vector<torch::Tensor>& own, int64_t first, int64_t last, torch::Tensor& all) const;

  World& world_;
  int64_t total_, batch_size_;
};

/// What is wrong with inputs, by their numbers.
using Problems = std::map<size_t, std::string>;
/// Those of all ranks.
Problems problems_of_all(World& world, const Problems& here);

}  // namespace fsc::detail
