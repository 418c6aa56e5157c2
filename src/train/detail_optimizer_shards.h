// distributed.shard_optimizer (ZeRO, stage 1; Rajbhandari et al. 2020): each rank gets the means of its part of every gradient
// bucket, keeps AdamW's state of these numbers only, updates them, and the ranks exchange what they updated.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fsc/dist/buckets.h"
#include "fsc/dist/world.h"
#include "fsc/optim/optimizer.h"

namespace fsc::detail {

class OptimizerShards {
 public:
  /// `parameters` and `buckets` as GradientBuckets was made with and tells. The buckets are where numbers meet: between
  /// AdamW::step and GradientBuckets::zero() the gradients in them are lost.
  OptimizerShards(std::shared_ptr<World> world, NamedParameters parameters, std::vector<FlatBucket> buckets);

  /// For AdamW: this rank's slices.
  Sharing sharing() const;
  /// After AdamW::step on all ranks: every rank gets what others updated.
  void exchange() const;
  /// What AdamW::save gives of whole parameters on rank 0, on the CPU; nothing elsewhere. All ranks must call it.
  StateDict gather(const AdamW& optimizer) const;

 private:
  using ValueOf = std::function<torch::Tensor(size_t parameter)>;
  using Whole = std::function<void(size_t parameter, const torch::Tensor& value)>;
  /// All ranks' numbers: `value_of` gives this rank's slice of a parameter, `whole` gets each, to copy from.
  void collect(const ValueOf& value_of, const Whole& whole) const;

  std::shared_ptr<World> world_;
  NamedParameters parameters_;
  std::vector<FlatBucket> buckets_;
  std::vector<Slice> slices_;  ///< of each parameter
};

}  // namespace fsc::detail
