// Runs a kernel on the host, and a test under every order of threads and blocks.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/cuda_on_host/block.h"

namespace fsc::cuda_on_host {

/// What launches follow, and the most warps of a block that one of them had.
inline Schedule current_schedule;
inline unsigned most_warps = 1;

/// kernel<<<grid, threads, dynamic_bytes>>>(arguments...). Throws what a thread meets: see Block.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 threads, size_t dynamic_bytes, Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535) throw std::logic_error("no such grid");
  gridDim = grid;
  blockDim = threads;
  std::vector<dim3> blocks;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) blocks.emplace_back(x, y, z);
  const Schedule schedule = current_schedule;
  if (schedule.kind == Schedule::kBackward) std::reverse(blocks.begin(), blocks.end());
  if (schedule.kind == Schedule::kRandom) std::shuffle(blocks.begin(), blocks.end(), std::mt19937(schedule.number));
  const std::function<void()> body = [&] { kernel(arguments...); };
  for (const dim3& block : blocks) {
    blockIdx = block;
    Block::running().run(schedule, dynamic_bytes, body);
    most_warps = std::max(most_warps, Block::running().warps());
  }
  GuardedMemory::check_all();
}

/// run() launches kernels, check() looks at what they wrote: forward, backward, in two random orders, and with each warp first.
/// Ends at the first schedule that fails.
template <class Run, class Check>
void for_every_schedule(const Run& run, const Check& check) {
  std::vector<Schedule> schedules = {{Schedule::kForward}, {Schedule::kBackward}, {Schedule::kRandom, 1}, {Schedule::kRandom, 2}};
  most_warps = 1;
  for (size_t i = 0; i < schedules.size() && !testing::Test::HasFailure(); ++i) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, "schedule: " + schedules[i].name());
    current_schedule = schedules[i];
    try {
      run();
      check();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    if (i == 0)
      for (unsigned warp = 0; warp < most_warps; ++warp) schedules.push_back({Schedule::kWarpFirst, warp});
  }
  current_schedule = {};
}

}  // namespace fsc::cuda_on_host
