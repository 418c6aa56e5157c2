// Several loaders in as many threads, which exchange words as processes do, and what their batches hold.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fsc/core/digest.h"
#include "fsc/core/stop.h"
#include "loader_support.h"

namespace fsc::test {

/// Where the threads of one run exchange words. One that waits 60 s for the others gives up.
class MeetingPoint {
 public:
  explicit MeetingPoint(int64_t world) : words_(static_cast<size_t>(world)) {}

  ExchangeWords of(int64_t rank) {
    return [this, rank](const std::string& words) {
      std::unique_lock lock(mutex_);
      const int64_t round = round_;
      words_[static_cast<size_t>(rank)] = words;
      if (++arrived_ == static_cast<int64_t>(words_.size())) {
        replies_ = words_;
        arrived_ = 0;
        ++round_;
        met_.notify_all();
      } else if (!met_.wait_for(lock, std::chrono::seconds(60), [&] { return round_ > round; })) {
        throw std::runtime_error("rank " + std::to_string(rank) + " waited for another in vain");
      }
      return replies_;
    };
  }
  int64_t rounds() const { return round_; }

 private:
  std::mutex mutex_;
  std::condition_variable met_;
  std::vector<std::string> words_, replies_;
  int64_t arrived_ = 0, round_ = 0;
};

/// What one rank got, and what ended it.
struct OfRank {
  std::vector<Batch> batches;
  std::vector<DataPlace> places;
  std::string fingerprint, failure;  ///< failure "" = none
  ExitCode code = ExitCode::kDone;
  LoaderStats stats;
};

class RanksTest : public LoaderTest {
 protected:
  RanksTest() {
    setup_.batch_size = 8;
    setup_.data.augmented = true;
    setup_.data.augment.scale = {0.3, 1.0};
    setup_.data.prefetch = 2;
    setup_.negatives.sample = NegativeSample::kAll;
    setup_.negatives.per_caption = 2;
  }

  LoaderSetup setup_of(int64_t rank, int64_t world, MeetingPoint& meeting) const {
    LoaderSetup setup = setup_;
    setup.rank = rank;
    setup.world = world;
    if (world > 1) setup.exchange = meeting.of(rank);
    return setup;
  }

  /// `count` batches from a place on, by `world` ranks; `change` makes the set-up of a rank another.
  std::vector<OfRank> run(int64_t world, int64_t count, const DataPlace& from = {},
                          const std::function<void(int64_t, LoaderSetup&)>& change = {}) {
    std::vector<OfRank> all(static_cast<size_t>(world));
    MeetingPoint meeting(world);
    {
      std::vector<std::jthread> threads;
      for (int64_t rank = 0; rank < world; ++rank)
        threads.emplace_back([&, rank] {
          LoaderSetup setup = setup_of(rank, world, meeting);
          if (change) change(rank, setup);
          run_one(std::move(setup), count, from, all[static_cast<size_t>(rank)]);
        });
    }
    rounds_ = meeting.rounds();
    return all;
  }

  /// Everything of a batch's rows, whichever ranks have them, but their order.
  static std::multiset<std::string> rows_of(const std::vector<OfRank>& ranks, size_t number) {
    std::multiset<std::string> rows;
    for (const OfRank& rank : ranks)
      if (number < rank.batches.size()) rows.merge(rows_of(rank.batches[number]));
    return rows;
  }
  static std::multiset<std::string> rows_of(const Batch& batch) {
    const std::vector<TokenIds> texts = token_ids(batch.texts);
    const auto text = [&](int64_t row) {
      std::string words;
      if (row >= 0)
        for (const int64_t id : texts[static_cast<size_t>(row)]) words += " " + std::to_string(id);
      return words + ";";
    };
    std::multiset<std::string> rows;
    const auto negatives = batch.roles.negatives_BN().accessor<int64_t, 2>();
    for (int64_t i = 0; i < batch.images.size(0); ++i) {
      const torch::Tensor image = batch.images[i].contiguous();
      const std::string pixels(static_cast<const char*>(image.const_data_ptr()), image.nbytes());
      std::string row = batch.keys[static_cast<size_t>(i)] + text(batch.roles.captions_B()[i].item<int64_t>());
      for (int64_t k = 0; k < negatives.size(1); ++k) row += text(negatives[i][k]);
      rows.insert(row + std::to_string(hash_text(pixels)));
    }
    return rows;
  }

  /// The same batches and places as one process alone, on each of `worlds`, from a place of `alone` on.
  void expect_alike(const OfRank& alone, const std::vector<int64_t>& worlds, size_t first = 0) {
    ASSERT_EQ(alone.failure, "");
    const size_t count = alone.batches.size() - first;
    for (const int64_t world : worlds) {
      SCOPED_TRACE(std::to_string(world) + " ranks from batch " + std::to_string(first));
      const auto ranks = run(world, static_cast<int64_t>(count), first == 0 ? DataPlace{} : alone.places[first - 1]);
      for (const OfRank& rank : ranks) {
        ASSERT_EQ(rank.failure, "");
        EXPECT_EQ(rank.fingerprint, alone.fingerprint);
        EXPECT_EQ(rank.stats.bad_samples, ranks[0].stats.bad_samples);
        for (size_t i = 0; i < count; ++i) ASSERT_EQ(rank.places[i], alone.places[first + i]) << i;
      }
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(rows_of(ranks, i), rows_of(alone.batches[first + i])) << "batch " << first + i;
        expect_counts(ranks, i);
      }
    }
  }

  int64_t rounds_ = 0;  // of the last run: how often words were exchanged

 private:
  static void run_one(LoaderSetup setup, int64_t count, const DataPlace& from, OfRank& got) {
    try {
      Loader loader(std::move(setup));
      got.fingerprint = loader.fingerprint();
      loader.start(from);
      for (int64_t i = 0; i < count; ++i) {
        got.batches.push_back(loader.next());
        got.places.push_back(loader.place());
        got.stats = loader.stats();
      }
    } catch (const Error& error) {
      got.failure = error.what();
      got.code = error.code();
    } catch (const std::exception& error) {
      got.failure = error.what();
      got.code = ExitCode::kFailed;
    }
  }

  static void expect_counts(const std::vector<OfRank>& ranks, size_t number) {
    std::vector<int64_t> rows;
    for (const OfRank& rank : ranks) rows.push_back(rank.batches[number].images.size(0));
    for (const OfRank& rank : ranks) EXPECT_EQ(rank.batches[number].rows_of_ranks, rows);
  }
};

}  // namespace fsc::test
