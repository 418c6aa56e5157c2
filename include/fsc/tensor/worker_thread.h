// LibTorch on the threads of a pool, where the pool itself is the parallelism.
#pragma once
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

namespace fsc {

/// Fixes the calling thread's number of threads, before worker threads choose theirs: LibTorch, and code compiled against it,
/// each ask once a thread, and what a worker has set by then would be the answer.
inline void fix_thread_count() {
  at::get_num_threads();
  at::internal::lazy_init_num_threads();
}

/// Called first on such a thread: its operations use this thread alone and keep no graph. The main thread has called
/// fix_thread_count() before.
inline void begin_worker_thread() {
  at::set_num_threads(1);
  c10::GradMode::set_enabled(false);
}

}  // namespace fsc
