// Results come in order whatever the threads do, at most a window ahead, and failures stay with their places.
#include "fsc/core/ordered_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <set>
#include <string>

namespace fsc {
namespace {

using Workers = OrderedWorkers<int64_t>;

Workers::Setup squares(int64_t threads = 3, int64_t window = 4) {
  return {.threads = threads, .window = window, .begin = [](int64_t place, size_t) { return [place] { return place * place; }; }};
}

void pause(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

TEST(OrderedWorkers, ResultsComeInOrder) {
  for (const int64_t threads : {1, 2, 5}) {
    auto setup = squares(threads);
    setup.begin = [](int64_t place, size_t) {
      return [place] {
        pause(place % 3 == 0 ? 3 : 0);  // places overtake each other
        return place * place;
      };
    };
    Workers workers(setup);
    for (int64_t i = 0; i < 60; ++i) ASSERT_EQ(workers.take(), i * i);
    EXPECT_EQ(workers.next(), 60);
  }
}

TEST(OrderedWorkers, PlacesBeginOneAfterAnother) {
  auto setup = squares(4, 8);
  std::atomic<int> inside = 0;
  std::vector<int64_t> begun;  // by one thread at a time
  setup.begin = [&](int64_t place, size_t thread) {
    EXPECT_EQ(++inside, 1);
    EXPECT_LT(thread, 4u);
    begun.push_back(place);
    --inside;
    return [place] { return place; };
  };
  setup.end = 100;
  {
    Workers workers(setup);
    for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(workers.take(), i);
    EXPECT_THROW(workers.take(), std::logic_error) << "there is no further place to wait for";
  }
  ASSERT_EQ(begun.size(), 100u);
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(begun[static_cast<size_t>(i)], i);
}

TEST(OrderedWorkers, NobodyIsFurtherAheadThanTheWindow) {
  auto setup = squares(6, 5);
  std::atomic<int64_t> last = -1;
  setup.begin = [&](int64_t place, size_t) {
    last = place;
    return [place] { return place; };
  };
  Workers workers(setup);
  for (int64_t i = 0; i < 20; ++i) {
    pause(2);
    EXPECT_LE(last, i + 4);
    workers.take();
  }
  for (int i = 0; i < 1000 && last < 24; ++i) pause(2);
  EXPECT_EQ(last, 24) << "and the window is used";
}

TEST(OrderedWorkers, PlacesBeforeTheNextOneMayBeTakenByNumber) {
  auto setup = squares();
  setup.first = 10;
  setup.next = 15;
  setup.begin = [](int64_t place, size_t) -> Workers::Work {
    if (place < 15 && place != 12) return {};  // passed over
    return [place] { return place; };
  };
  Workers workers(setup);
  EXPECT_EQ(workers.take(12), 12);
  EXPECT_EQ(workers.next(), 15);
  EXPECT_EQ(workers.take(), 15);
  EXPECT_THROW(workers.take(20), std::logic_error) << "beyond the next it would wait for itself";
}

TEST(OrderedWorkers, AFailureStaysAtItsPlace) {
  auto setup = squares(2, 10);
  setup.begin = [](int64_t place, size_t) -> Workers::Work {
    if (place == 3) throw std::runtime_error("begin");
    return [place]() -> int64_t {
      if (place == 1) throw std::runtime_error("work");
      return place;
    };
  };
  for (const int64_t bad : {1, 3}) {
    setup.first = setup.next = bad - 1;
    Workers workers(setup);
    EXPECT_EQ(workers.take(), bad - 1);
    for (int i = 0; i < 2; ++i) {
      try {
        workers.take();
        ADD_FAILURE();
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()), bad == 1 ? "work" : "begin");
      }
      EXPECT_EQ(workers.next(), bad);
    }
  }
}

TEST(OrderedWorkers, EachThreadIsSetUpOnce) {
  auto setup = squares(3);
  std::mutex mutex;
  std::multiset<std::thread::id> threads;
  setup.on_thread = [&] {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  };
  {
    Workers workers(setup);
    for (int i = 0; i < 30; ++i) workers.take();
  }
  EXPECT_EQ(threads.size(), 3u);
  EXPECT_EQ(std::set<std::thread::id>(threads.begin(), threads.end()).size(), 3u);
}

TEST(OrderedWorkers, WaitingIsTold) {
  auto setup = squares(1);
  std::atomic<bool> release = false;
  setup.begin = [&](int64_t place, size_t) {
    return [&release, place] {
      while (!release) pause(1);
      return place;
    };
  };
  std::vector<double> told;
  setup.on_wait = [&](double seconds) {
    told.push_back(seconds);
    release = told.size() == 2;
  };
  Workers workers(setup);
  EXPECT_EQ(workers.take(), 0);
  ASSERT_GE(told.size(), 2u);
  EXPECT_GE(told[0], 0.09);
  EXPECT_GE(told[1], told[0] + 0.09);
}

TEST(OrderedWorkers, EndsWhileWorkersWaitOrHang) {
  for (const bool begin_hangs : {false, true}) {
    auto setup = squares(3, 2);
    std::atomic<bool> stopped = false;
    if (begin_hangs)
      setup.begin = [&](int64_t, size_t) -> Workers::Work {
        while (!stopped) pause(1);
        throw std::runtime_error("interrupted");
      };
    setup.on_stop = [&] { stopped = true; };
    { Workers workers(setup); }
    EXPECT_TRUE(stopped);
  }
}

TEST(OrderedWorkers, AStopThatIsNotHeededChangesNothing) {
  install_stop_signals();
  auto setup = squares(1);
  setup.heeds_stop = false;
  std::atomic<bool> release = false;
  setup.begin = [&](int64_t place, size_t) {
    return [&release, place] {
      while (!release) pause(1);
      return place;
    };
  };
  setup.on_wait = [&](double) { release = true; };  // after a wait in which a stop would have been seen
  Workers workers(setup);
  std::raise(SIGTERM);
  EXPECT_EQ(workers.take(), 0);
  test::forget_stop_signal();
}

TEST(OrderedWorkers, AStopEndsTheWaitAndLeavesThePlace) {
  install_stop_signals();
  auto setup = squares(1);
  std::atomic<bool> release = false;
  setup.begin = [&](int64_t place, size_t) {
    return [&release, place] {
      while (!release) pause(1);
      return place;
    };
  };
  Workers workers(setup);
  std::raise(SIGTERM);
  EXPECT_THROW(workers.take(), Stopped);
  test::forget_stop_signal();
  EXPECT_EQ(workers.next(), 0);
  release = true;
  EXPECT_EQ(workers.take(), 0);
}

}  // namespace
}  // namespace fsc
