// Rank, world and meeting place from the environment of torchrun, of a SLURM step or of our own launcher; and distributed.*.
#include "fsc/dist/layout.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <charconv>

#include "dist/detail_variables.h"
#include "fsc/core/error.h"

namespace fsc {
namespace {

constexpr int64_t kLargestWorld = 1'000'000;

/// A variable that must be a whole number from `low` to `high`; nullopt where it is not set.
std::optional<int64_t> number_of(const Environment& environment, const char* name, int64_t low, int64_t high) {
  const auto text = environment(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (problem != std::errc() || end != text->data() + text->size() || value < low || value > high)
    throw UsageError(fmt::format("the environment's {}={} is no whole number from {} to {}", name, *text, low, high));
  return value;
}

int64_t needed_number(const Environment& environment, const char* name, int64_t low, int64_t high, const char* beside) {
  const auto value = number_of(environment, name, low, high);
  if (!value) {
    throw UsageError(fmt::format("the environment has {} but no {}: start all ranks with torchrun, srun or --nproc, or unset {}",
                                 beside, name, beside));
  }
  return *value;
}

/// Rank and local rank must lie within their worlds.
void check_ranks(const Layout& layout, const char* rank, const char* size, const char* local_rank) {
  if (layout.rank >= layout.size) {
    throw UsageError(fmt::format("the environment's {}={} is outside {}={}: ranks count from 0 to {}", rank, layout.rank, size,
                                 layout.size, layout.size - 1));
  }
  if (layout.local_rank >= layout.local_size || layout.local_size > layout.size) {
    throw UsageError(fmt::format("the environment's {}={} contradicts {} processes on this host and {}={}", local_rank,
                                 layout.local_rank, layout.local_size, size, layout.size));
  }
}

Layout of_torchrun(const Environment& environment) {
  Layout layout;
  const bool ours = environment(detail::kLocalProcess).has_value();
  layout.launcher = ours ? Launcher::kFsc : Launcher::kTorchrun;
  layout.size = needed_number(environment, "WORLD_SIZE", 1, kLargestWorld, "RANK");
  layout.rank = needed_number(environment, "RANK", 0, kLargestWorld, "WORLD_SIZE");
  layout.local_rank = number_of(environment, "LOCAL_RANK", 0, kLargestWorld).value_or(0);
  layout.local_size = number_of(environment, "LOCAL_WORLD_SIZE", 1, kLargestWorld).value_or(layout.local_rank + 1);
  check_ranks(layout, "RANK", "WORLD_SIZE", "LOCAL_RANK");
  layout.served_store = environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  layout.attempt = environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
  layout.listening = static_cast<int>(number_of(environment, detail::kListening, 0, 1'000'000).value_or(-1));
  return layout;
}

/// Processes of the step on the `node`-th of its hosts, from "4(x2),3".
int64_t tasks_on_node(const std::string& tasks, int64_t node) {
  for (size_t at = 0; at < tasks.size();) {
    const size_t comma = std::min(tasks.find(',', at), tasks.size());
    int64_t count = 0, times = 1;
    const std::string part = tasks.substr(at, comma - at);
    const auto end = std::from_chars(part.data(), part.data() + part.size(), count).ptr;
    if (const size_t x = part.find("(x"); x != std::string::npos)
      std::from_chars(part.data() + x + 2, part.data() + part.size(), times);
    if (end == part.data() || count < 1 || times < 1) break;
    if (node < times) return count;
    node -= times;
    at = comma + 1;
  }
  throw UsageError(fmt::format("the environment's SLURM_STEP_TASKS_PER_NODE={} does not say how many run here", tasks));
}

Layout of_slurm(const Environment& environment) {
  Layout layout;
  constexpr const char* kBeside = "SLURM_STEP_NUM_TASKS";
  layout.launcher = Launcher::kSlurm;
  layout.size = needed_number(environment, kBeside, 1, kLargestWorld, kBeside);
  layout.rank = needed_number(environment, "SLURM_PROCID", 0, kLargestWorld, kBeside);
  layout.local_rank = number_of(environment, "SLURM_LOCALID", 0, kLargestWorld).value_or(0);
  layout.local_size = layout.local_rank + 1;
  if (const auto tasks = environment("SLURM_STEP_TASKS_PER_NODE"))
    layout.local_size = tasks_on_node(*tasks, number_of(environment, "SLURM_NODEID", 0, kLargestWorld).value_or(0));
  check_ranks(layout, "SLURM_PROCID", kBeside, "SLURM_LOCALID");
  // Steps of one job that run at the same time are runs of their own.
  layout.attempt = environment("SLURM_RESTART_COUNT").value_or("0") + "." + environment("SLURM_STEP_ID").value_or("0");
  const auto array = environment("SLURM_ARRAY_JOB_ID"), task = environment("SLURM_ARRAY_TASK_ID");
  layout.job = array && task ? *array + "_" + *task : environment("SLURM_JOB_ID").value_or("");
  return layout;
}

/// Where rank 0 is met: the config's word, MASTER_ADDR and MASTER_PORT, what a SLURM step tells.
void find_meeting_place(Layout& layout, const MeetingConfig& config, const Environment& environment) {
  const auto given_address = environment("MASTER_ADDR");
  const auto given_port = number_of(environment, "MASTER_PORT", 1, 65535);
  if (!config.address.empty())
    layout.address = config.address;
  else if (given_address)
    layout.address = *given_address;
  else if (layout.launcher == Launcher::kSlurm && environment("SLURM_STEP_NODELIST"))
    layout.address = expand_hosts(*environment("SLURM_STEP_NODELIST")).front();
  else
    throw UsageError("nothing says where rank 0 is: set MASTER_ADDR in the environment, or distributed.address");

  if (config.port > 0) {
    layout.port = config.port;
  } else if (given_port) {
    layout.port = *given_port;
  } else if (const auto job = number_of(environment, "SLURM_JOB_ID", 0, INT64_MAX); layout.launcher == Launcher::kSlurm && job) {
    layout.port = 20000 + *job % 10000;
    layout.port_is_ours = true;
  } else {
    throw UsageError("nothing says at which port rank 0 is met: set MASTER_PORT in the environment, or distributed.port");
  }
}

}  // namespace

void MeetingConfig::fields(config::Collector& v) {
  using namespace config;
  v(address, "address",
    "Host name or address of rank 0 (empty = the launcher's: MASTER_ADDR, or the first host of the SLURM step)");
  v(port, "port", "Port at which rank 0 is met (0 = the launcher's: MASTER_PORT, or 20000 + job id % 10000)", between(0, 65535));
  v(interface, "interface",
    "Network interface for the ranks' data, such as eth0 or ib0 (empty = the one that leads to rank 0; for NCCL its own choice)");
  v(setup_timeout, "setup_timeout", "Longest wait for all ranks to be there at the start, in seconds", above(0.0));
  v(timeout, "timeout", "Longest that a rank waits for another (of a training: within a step), in seconds", above(0.0));
}

void DistributedConfig::fields(config::Collector& v) {
  using namespace config;
  MeetingConfig::fields(v);
  v(checkpoint_timeout, "checkpoint_timeout", "Longest that the others wait while rank 0 writes, in seconds", above(0.0));
  v(check_every, "check_every", "Steps between two comparisons of the ranks' weights (0 = off)", at_least(0));
  v(features, "features",
    "How the contrastive loss gets other ranks' features: gather = all at once, batch_size x width floats on every rank; "
    "ring = one rank's after the other, batch_size / ranks x width floats: for batches too large to lie side by side "
    "(the sigmoid loss always goes by the ring)");
  v(bucket_mb, "bucket_mb", "Size of the pieces in which gradients are averaged, in megabytes", above(0.0));
  v(reduce_in_bf16, "reduce_in_bf16", "Send gradients as bf16: half the volume, sums of fewer digits");
  v(shard_optimizer, "shard_optimizer",
    "Each rank keeps the optimizer's state of its part of the weights only, 1/ranks of it, and updates these (ZeRO-1)");
  v(on_preempt, "on_preempt",
    "Once a signal has had the run save: exit (code 75), or wait to be killed, as some sites must see to count it as preempted");
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = ::getenv(name);
    if (!value || !*value) return std::nullopt;
    return value;
  };
}

Layout find_layout(const MeetingConfig& config, const Environment& environment) {
  Layout layout;
  if (environment("RANK") || environment("WORLD_SIZE"))
    layout = of_torchrun(environment);
  else if (environment("SLURM_STEP_NUM_TASKS"))
    layout = of_slurm(environment);
  if (!layout.alone()) find_meeting_place(layout, config, environment);
  return layout;
}

}  // namespace fsc
