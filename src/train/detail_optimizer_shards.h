// distributed.shard_optimizer (ZeRO, stage 1; Rajbhandari et al. 2020): each rank keeps AdamW's state of its own parameters only,
// updates these, and the ranks exchange what they updated.
#pragma once
#include <memory>
#include <vector>

#include "fsc/dist/world.h"
#include "fsc/optim/optimizer.h"

namespace fsc::detail {

class OptimizerShards {
 public:
  /// Whole parameters go to ranks, the largest first, each to the one that has least. The same on all ranks.
  OptimizerShards(std::shared_ptr<World> world, NamedParameters parameters);

  /// For AdamW: whether this rank keeps the parameter's state.
  bool owns(const std::string& name) const;
  /// After AdamW::step on all ranks: every rank gets the parameters that others updated.
  void exchange();
  /// What AdamW::save gives of all ranks together, on rank 0; nothing elsewhere.
  StateDict gather(const AdamW& optimizer) const;

 private:
  std::shared_ptr<World> world_;
  NamedParameters parameters_;
  std::vector<int64_t> owner_;  ///< of each
  int64_t largest_ = 0;         ///< numbers of the rank that has most
};

}  // namespace fsc::detail
