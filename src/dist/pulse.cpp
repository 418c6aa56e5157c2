// Words in the store: beat/<rank> = beats and collectives so far, asked/<rank> = has itself lost somebody, lost = the finding.
#include "dist/detail_pulse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <condition_variable>
#include <mutex>

#include "dist/detail_bounded.h"
#include "fsc/core/clock.h"

namespace fsc::detail {
namespace {

constexpr double kBeatSeconds = 0.25;
constexpr double kSilentSeconds = 1.5;  // several beats
constexpr double kLookSeconds = 3.5;
constexpr const char* kLost = "lost";

std::string key_of(const char* what, int64_t rank) { return fmt::format("{}/{}", what, rank); }

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

std::vector<int64_t> ranks_in(const std::string& list) {
  std::vector<int64_t> ranks;
  for (size_t at = 0; at < list.size(); at = std::min(list.find(' ', at), list.size() - 1) + 1)
    ranks.push_back(std::atoll(list.c_str() + at));
  return ranks;
}

}  // namespace

// Shared with the threads, which may hang in a call and outlive the Pulse.
struct Pulse::State {
  StorePtr beating, looking;  // a connection each
  int64_t rank = 0, size = 0;
  std::atomic<int64_t> collectives{0};
  std::mutex mutex;
  std::condition_variable stopping;
  bool stop = false;
  std::string lost;  // what another rank has found, by `mutex`

  void beat(int64_t number) {
    beating->set(key_of("beat", rank), fmt::format("{} {}", number, collectives.load()));
    if (!beating->check({kLost})) return;
    const std::string found = beating->get_to_str(kLost);
    const std::lock_guard lock(mutex);
    lost = found;
  }

  void beat_until_stopped() {
    for (int64_t number = 1;; ++number) {
      try {
        beat(number);
      } catch (const std::exception&) {
        return;  // the store is gone; look() will say so if anybody needs it
      }
      std::unique_lock lock(mutex);
      if (stopping.wait_for(lock, std::chrono::duration<double>(kBeatSeconds), [&] { return stop; })) return;
    }
  }

  std::string heard() {
    const std::lock_guard lock(mutex);
    return lost;
  }

  std::vector<std::string> beats() {
    std::vector<std::string> keys, words;
    for (int64_t r = 0; r < size; ++r) keys.push_back(key_of("beat", r));
    for (const auto& bytes : looking->multiGet(keys)) words.emplace_back(bytes.begin(), bytes.end());
    return words;
  }

  Signs look() {
    Signs signs;
    looking->set(key_of("asked", rank), std::string("1"));
    const auto first = beats();
    auto last = first;
    const auto start = Clock::now();
    do {
      pause(kBeatSeconds / 2);
      if (const auto found = heard(); !found.empty()) return {.store_gone = false, .silent = ranks_in(found), .behind = {}};
      last = beats();
      signs.silent.clear();
      for (int64_t r = 0; r < size; ++r) {
        if (r != rank && last[static_cast<size_t>(r)] == first[static_cast<size_t>(r)] && !looking->check({key_of("asked", r)}))
          signs.silent.push_back(r);
      }
    } while (!signs.silent.empty() && seconds_since(start) < kSilentSeconds);
    if (!signs.silent.empty()) {
      looking->compareSet(kLost, std::string(), fmt::format("{}", fmt::join(signs.silent, " ")));
      if (rank == 0) pause(2.5 * kBeatSeconds);
    }
    for (int64_t r = 0; r < size; ++r) {
      const auto& word = last[static_cast<size_t>(r)];
      const int64_t behind = collectives - std::atoll(word.c_str() + word.find(' ') + 1);
      if (r != rank && behind > 0) signs.behind.emplace_back(r, behind);
    }
    return signs;
  }
};

Pulse::Pulse(const StorePtr& store, int64_t rank, int64_t size) : state_(std::make_shared<State>()) {
  state_->beating = store->clone();
  state_->looking = store->clone();
  state_->rank = rank;
  state_->size = size;
  std::packaged_task<void()> task([state = state_] { state->beat_until_stopped(); });
  ended_ = task.get_future();
  thread_ = std::thread(std::move(task));
}

Pulse::~Pulse() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->stopping.notify_all();
  }
  if (ended_.wait_for(std::chrono::duration<double>(2 * kBeatSeconds)) == std::future_status::ready)
    thread_.join();
  else
    thread_.detach();  // it hangs in a call to a store that is gone
}

void Pulse::first_beat(c10d::Store& store, int64_t rank) { store.set(key_of("beat", rank), std::string("0 0")); }

void Pulse::count() { ++state_->collectives; }

Signs Pulse::look() {
  if (const auto found = state_->heard(); !found.empty()) return {.store_gone = false, .silent = ranks_in(found), .behind = {}};
  try {
    if (auto signs = within(kLookSeconds, [state = state_] { return state->look(); })) return *signs;
  } catch (const std::exception&) {
  }
  // Who served the store may have told the finding and left in the meantime.
  if (const auto found = state_->heard(); !found.empty()) return {.store_gone = false, .silent = ranks_in(found), .behind = {}};
  return {.store_gone = true, .silent = {}, .behind = {}};
}

}  // namespace fsc::detail
