// LibTorch on the threads of a pool, where the pool itself is the parallelism.
#pragma once
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

namespace fsc {

/// Called first on such a thread: its operations use this thread alone and keep no graph. (The main thread's number of threads
/// must have been asked for before, at::get_num_threads(): the first one to ask decides for all that say nothing.)
inline void begin_worker_thread() {
  at::set_num_threads(1);
  c10::GradMode::set_enabled(false);
}

}  // namespace fsc
