// A call of a library that may hang for ever, with an end to the wait.
#pragma once
#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace fsc::detail {

/// Runs `work` on a thread of its own and gives its result or its exception; nullopt when it is not done in time. The thread is
/// then left behind, so `work` must own all that it uses.
template <class F>
auto within(double seconds, F work) -> std::optional<decltype(work())> {
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(std::chrono::duration<double>(seconds)) != std::future_status::ready) return std::nullopt;
  return result.get();
}

}  // namespace fsc::detail
