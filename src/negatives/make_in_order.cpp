// Many captions on several threads, their negatives handed over in order.
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "fsc/negatives/generate_file.h"

namespace fsc {
namespace {

/// Captions that a thread makes together, and how often it does before results are handed over: some tens of milliseconds.
constexpr size_t kTogether = 16, kTurns = 16;

/// Runs `work` on `threads` threads, this one included; the first exception goes on from here.
template <class Work>
void run_on(size_t threads, const Work& work) {
  std::exception_ptr failure;
  std::mutex mutex;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(guarded);
    guarded();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

void make_in_order(const NegativeMaker& maker, std::span<const std::string> captions, uint64_t seed, uint64_t epoch,
                   int64_t threads, const UseNegatives& use) {
  const auto workers = static_cast<size_t>(std::max<int64_t>(threads, 1));
  const size_t block = kTogether * kTurns * workers;
  for (size_t first = 0; first < captions.size(); first += block) {
    const size_t count = std::min(block, captions.size() - first);
    std::vector<NegativeTexts> made(count);
    std::vector<MadeReport> reports(count);
    std::atomic<size_t> next = 0;
    run_on(workers, [&] {
      for (size_t begin; (begin = next.fetch_add(kTogether)) < count;) {
        std::vector<NegativeMaker::Sample> samples;
        for (size_t i = begin; i < std::min(begin + kTogether, count); ++i) {
          samples.push_back({captions[first + i], {seed, epoch, first + i}, &reports[i]});
        }
        auto texts = maker.generate(samples);
        std::move(texts.begin(), texts.end(), made.begin() + static_cast<std::ptrdiff_t>(begin));
      }
    });
    for (size_t i = 0; i < count; ++i) use(first + i, made[i], reports[i]);
  }
}

}  // namespace fsc
