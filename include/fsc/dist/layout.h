// Which processes make up a run, and which of them this one is: told by torchrun, by a SLURM step, by --nproc, or
// alone.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fsc/config/config.h"

namespace fsc {

/// distributed.on_preempt: what a run does once a signal has had it save.
enum class OnPreempt {
  kExit,  ///< ends with exit code 75
  kWait,  ///< waits to be killed, as some sites must see it to count a job as preempted
};

/// distributed.features: how losses over the whole batch come by the rows of other ranks.
enum class FeatureExchange {
  kGather,  ///< all side by side, by one collective
  kRing,    ///< from rank to rank, one rank's at a time
};

/// What of distributed.* every program on several ranks has; times in seconds.
struct MeetingConfig {
  std::string address;    ///< of rank 0; "" = the launcher's
  int64_t port = 0;       ///< of rank 0's store; 0 = the launcher's
  std::string interface;  ///< network interface; "" = that of the host's own name
  double setup_timeout = 300;
  double timeout = 600;  ///< the longest that a rank waits for another; of a training within a step

  void fields(config::Collector& v);
};

/// distributed.* of a training.
struct DistributedConfig : MeetingConfig {
  double checkpoint_timeout = 1800;
  int64_t check_every = 100;
  FeatureExchange features = FeatureExchange::kGather;
  double bucket_mb = 25;
  bool reduce_in_bf16 = false;
  bool shard_optimizer = false;
  OnPreempt on_preempt = OnPreempt::kExit;

  void fields(config::Collector& v);
};

enum class Launcher { kNone, kTorchrun, kSlurm, kFsc };

/// Where this process stands. One that nobody launched is rank 0 of 1.
struct Layout {
  Launcher launcher = Launcher::kNone;
  int64_t rank = 0, size = 1;
  int64_t local_rank = 0, local_size = 1;
  std::string address = "127.0.0.1";  ///< of rank 0
  int64_t port = 0;
  bool port_is_ours = false;  ///< derived, so that the next one may be taken where it is busy
  bool served_store = false;  ///< the launcher serves the store (torchrun): no rank does
  int listening = -1;         ///< rank 0's socket where the launcher has opened it, else -1
  std::string attempt = "0";  ///< differs after every restart and between steps of a job, so that no run meets another's words
  std::string job;            ///< SLURM's job, "123" or of an array "120_3"; ""

  bool alone() const { return size == 1; }
  bool is_first() const { return rank == 0; }
};

/// A variable's value, nullopt where it is not set or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

/// torchrun's variables first (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), then those of a SLURM *step*
/// (SLURM_STEP_NUM_TASKS; a batch script's own shell has SLURM_PROCID too and is one process). distributed.address and port have
/// the last word. UsageError names what contradicts: RANK without WORLD_SIZE, a rank outside the world, a port that is no number.
Layout find_layout(const MeetingConfig& config, const Environment& environment);

/// "node[01-03,7],gpu2" -> {"node01", "node02", "node03", "node7", "gpu2"}. Error: brackets that do not close, a range backwards,
/// more than 65,536 hosts.
std::vector<std::string> expand_hosts(const std::string& nodelist);

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::FeatureExchange> {
  static constexpr const char* names[] = {"gather", "ring"};
};
template <>
struct fsc::config::EnumNames<fsc::OnPreempt> {
  static constexpr const char* names[] = {"exit", "wait"};
};
