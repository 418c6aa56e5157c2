// The processes of a run and what they do together. A world of one is the same code: its collectives give back what they get.
//
// Every collective must be called by all ranks in the same order with tensors of the same shape and dtype, from one thread a
// channel. A rank that is gone or does not come in time ends the wait with LostRank.
#pragma once
#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fsc/core/error.h"
#include "fsc/dist/layout.h"

namespace fsc {

/// Another rank died, was cut off or did not come within distributed.timeout. The message names the ranks that do not answer.
/// The process can only end: leave by std::_Exit, as destructors may wait for the lost one.
class LostRank : public Error {
 public:
  using Error::Error;
};

/// A collective that is on its way.
class Pending {
 public:
  virtual ~Pending() = default;
  /// On CUDA the stream waits, else the thread. Error: LostRank.
  virtual void wait() = 0;
};

/// Small things between hosts, by Gloo, for one thread.
class Channel {
 public:
  virtual ~Channel() = default;
  /// Every rank's words, of any length, in the order of ranks. LostRank after `patience` seconds (0 = distributed.timeout), which
  /// must be the same on all ranks.
  virtual std::vector<std::string> all_gather(const std::string& words, double patience = 0) = 0;
};

class World {
 public:
  virtual ~World() = default;

  const Layout& layout() const { return layout_; }
  int64_t rank() const { return layout_.rank; }
  int64_t size() const { return layout_.size; }
  bool is_first() const { return layout_.is_first(); }

  /// "rank 1 (node02)".
  std::string name_of(int64_t rank) const;
  /// The host of every rank.
  const std::vector<std::string>& hosts() const { return hosts_; }

  // --- tensors on the device that the world was opened for (NCCL on CUDA, Gloo on the CPU)

  /// [n,...] of every rank -> [size n,...] in the order of ranks.
  virtual torch::Tensor all_gather(const torch::Tensor& rows) = 0;
  /// [size n,...] -> [n,...]: the sum over ranks of this rank's rows.
  virtual torch::Tensor reduce_scatter(const torch::Tensor& rows) = 0;
  /// In place, the sum over ranks. `flat` is contiguous and must not be touched before wait().
  virtual std::unique_ptr<Pending> all_reduce(torch::Tensor flat) = 0;
  /// The same, but only this rank's part of `flat`, the rank()-th of size() equal ones, becomes the sum; the others are
  /// undefined.
  virtual std::unique_ptr<Pending> reduce_to_parts(torch::Tensor flat) = 0;
  /// The way back: every rank's part of `flat` comes to all.
  virtual std::unique_ptr<Pending> gather_parts(torch::Tensor flat) = 0;
  /// In place, `root`'s values.
  virtual void broadcast(torch::Tensor tensor, int64_t root = 0) = 0;
  /// To `to` and from `from` at the same time, tensors of one shape (a ring).
  virtual torch::Tensor exchange(const torch::Tensor& sent, int64_t to, int64_t from) = 0;

  // --- words between hosts

  /// Words of the main thread.
  virtual Channel& channel() = 0;
  /// One more, for another thread. All ranks must open the same ones, by their names.
  virtual std::unique_ptr<Channel> open_channel(const std::string& name) = 0;

  /// Seconds that this rank has waited in collectives, hidden ones not counted.
  double waited_seconds() const { return waited_seconds_; }

 protected:
  World(Layout layout, std::vector<std::string> hosts) : layout_(std::move(layout)), hosts_(std::move(hosts)) {}

  Layout layout_;
  std::vector<std::string> hosts_;
  double waited_seconds_ = 0;
};

/// Of this process alone.
std::shared_ptr<World> lone_world();

/// What must be the same on all ranks before the first collective, and who says it.
struct Introduction {
  std::string version, config_hash, data, device;
  std::string weights = {};  ///< where every rank has read them itself
  int64_t parameters = 0;
  int64_t batch_size = 0;
};

/// Connects to rank 0's store and makes the groups. Error, after distributed.setup_timeout: which ranks are missing; a busy port;
/// an address that does not resolve; two ranks of one number. A layout of one process gives lone_world() without any network.
std::shared_ptr<World> open_world(const Layout& layout, const MeetingConfig& config, torch::Device device);

/// Every rank tells its introduction. Error on all ranks that names the ranks that differ from rank 0, in what and how.
void introduce(World& world, const Introduction& self);

}  // namespace fsc
