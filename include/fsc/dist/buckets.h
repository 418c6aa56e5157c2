// Gradients that live in flat buckets and are averaged over the ranks, during the backward on CUDA, after it on the CPU.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "fsc/dist/world.h"

namespace fsc {

/// How parameters lie in a flat buffer.
struct FlatBucket {
  struct Member {
    size_t parameter = 0;  ///< its place in the list of parameters
    int64_t first = 0;     ///< where its numbers begin
  };
  std::vector<Member> members;
  torch::Tensor numbers = {};  ///< the buffer; what is behind the last member's numbers is nobody's
};

/// Every parameter's gradient becomes a view into a flat buffer of about distributed.bucket_mb, filled from the last parameter to
/// the first, about the order in which the backward makes them. Buckets are sent in one order on all ranks.
///
/// A parameter that no rank has used in a step has no gradient after finish(), as in one process; one that some rank has used has
/// one on all ranks, to which the others contribute 0. In a world of one, gradients stay where autograd puts them.
///
/// With distributed.shard_optimizer a buffer is as many equal parts as there are ranks, and rank r gets the means of the r-th
/// part alone (a reduce-scatter, half of an all-reduce's volume); what the rest of the buffer holds means nothing.
class GradientBuckets {
 public:
  /// All parameters of the model, in the same order on all ranks; those that are not trained are passed over. World and
  /// parameters must outlive it.
  GradientBuckets(std::shared_ptr<World> world, const std::vector<torch::Tensor>& parameters, const DistributedConfig& config);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// Before the first backward pass of a step, in place of AdamW::zero_grad(), which would take the gradients out of the buffers.
  void zero();
  /// Before the backward pass whose gradients are the step's last (not for earlier parts of an accumulated batch).
  void arm();
  /// After it: sends what is left and waits. Gradients are then means over ranks, where this rank gets them.
  void finish();
  /// Of all buffers; 0 in a world of one.
  int64_t bytes() const;
  /// All buffers; none in a world of one.
  std::vector<FlatBucket> layout() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsc
