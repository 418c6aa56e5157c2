// Order, augmentation and negatives are a function of (seed, epoch, index); an epoch can be entered anywhere.
#include "fsc/data/loader.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "fsc/core/digest.h"
#include "fsc/core/stop.h"
#include "fsc/image/decode.h"
#include "loader_support.h"
#include "support/text_rows.h"

namespace fsc {
namespace {
using test::expect_same;
using test::HangingTokenizer;

class Order : public test::LoaderTest {
 protected:
  Order() {
    setup_.data.augmented = true;
    setup_.data.augment.scale = {0.3, 1.0};
    setup_.data.augment.color_jitter = {0.4, 0.4, 0.4, 0.1};
    setup_.data.augment.color_jitter_prob = 0.8;
    setup_.data.augment.gray_scale_prob = 0.2;
  }
};

TEST_F(Order, DoesNotDependOnWorkersOrPrefetch) {
  setup_.data.workers = 1;
  setup_.data.prefetch = 1;
  const auto one = fresh_epoch(3);
  ASSERT_EQ(one.size(), 5u);
  for (const int64_t workers : {2, 5}) {
    for (const int64_t prefetch : {1, 4}) {
      setup_.data.workers = workers;
      setup_.data.prefetch = prefetch;
      SCOPED_TRACE(std::to_string(workers) + " workers, prefetch " + std::to_string(prefetch));
      expect_same(fresh_epoch(3), one);
    }
  }
}

TEST_F(Order, AccumulationTakesTheSamplesOfTheBigBatch) {
  setup_.batch_size = 4;
  const auto big = fresh_epoch(1);
  setup_.batch_size = 2;
  setup_.accum_freq = 2;
  setup_.data.prefetch = 1;
  expect_same(fresh_epoch(1), big);
}

TEST_F(Order, AnEpochCanBeEnteredAnywhere) {
  std::vector<DataPlace> states;
  const auto whole = fresh_epoch(2, -1, &states);
  for (size_t i = 0; i + 1 < whole.size(); ++i) {
    setup_.data.workers = 1 + static_cast<int64_t>(i);
    const std::vector<Batch> rest(whole.begin() + static_cast<std::ptrdiff_t>(i) + 1, whole.end());
    expect_same(fresh_epoch(states[i], static_cast<int64_t>(rest.size())), rest);
  }
}

TEST_F(Order, AStopWhileItWaitsLeavesTheStateOfTheLastBatch) {
  const auto whole = fresh_epoch(2);
  DataPlace state;
  {
    HangingTokenizer hanging;  // row 13 comes somewhere in the middle
    setup_.tokenizer = &hanging;
    Loader loader(setup_);
    install_stop_signals();
    loader.start(place_of(loader, 2));
    size_t done = 0;
    std::jthread stop([&](const std::stop_token& token) {
      while (!hanging.hangs && !token.stop_requested()) std::this_thread::yield();
      std::raise(SIGTERM);
    });
    EXPECT_THROW(
        while (true) {
          loader.next();
          state = loader.place();
          ++done;
        },
        Stopped);
    EXPECT_EQ(loader.place(), state);
    EXPECT_LT(done, whole.size());
    hanging.go_on();
    test::forget_stop_signal();
    setup_.tokenizer = &tokenizer_;
    const std::vector<Batch> rest(whole.begin() + static_cast<std::ptrdiff_t>(done), whole.end());
    expect_same(fresh_epoch(state, static_cast<int64_t>(rest.size())), rest);
  }
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) std::signal(signal, SIG_DFL);
}

TEST_F(Order, OneLoaderRunsEpochAfterEpochAndCanBreakOff) {
  Loader loader(setup_);
  const auto first = epoch(loader, 0);
  epoch(loader, 1, 2);
  expect_same(epoch(loader, 0), first);
  expect_same(epoch(loader, 2), fresh_epoch(2));
}

TEST_F(Order, GoesOnToTheNextEpochByItself) {
  Loader loader(setup_);
  const int64_t per_epoch = loader.batches_per_epoch();
  EXPECT_EQ(loader.place(), DataPlace{});
  std::vector<DataPlace> places;
  const auto batches = epoch(loader, 0, 2 * per_epoch + 1, &places);
  for (int64_t number = 0; number < 2; ++number) {
    const auto begin = batches.begin() + number * per_epoch;
    expect_same({begin, begin + per_epoch}, fresh_epoch(number));
    EXPECT_EQ(places[static_cast<size_t>((number + 1) * per_epoch - 1)], (DataPlace{(number + 1) * per_epoch, number + 1}));
  }
  EXPECT_EQ(places.back().batch, 2 * per_epoch + 1);
  EXPECT_EQ(places.back().epoch, 2);
  EXPECT_NE(places.back().state, "");
  expect_same(fresh_epoch(places[0], per_epoch),
              {batches.begin() + 1, batches.begin() + 1 + per_epoch});  // from inside one into the next
}

TEST_F(Order, EpochsAndSeedsDiffer) {
  const auto first = fresh_epoch(0), second = fresh_epoch(1);
  EXPECT_NE(rows(first), rows(second));
  setup_.seed = 12;
  EXPECT_NE(rows(fresh_epoch(0)), rows(first));
  setup_.seed = 11;
  setup_.data.shuffle = false;
  const auto plain = fresh_epoch(0), next = fresh_epoch(1);
  EXPECT_EQ(rows(plain), rows(next));
  EXPECT_FALSE(torch::equal(plain[0].images, next[0].images)) << "other crops in another epoch";
}

TEST_F(Order, ASamplesCropsAndNegativesDoNotDependOnItsPlace) {
  setup_.data.shuffle = false;
  const auto plain = fresh_epoch(4);
  setup_.data.shuffle = true;
  int compared = 0;
  for (const auto& batch : fresh_epoch(4)) {
    const auto found = rows(batch);
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t row = found[static_cast<size_t>(i)];
      if (row >= 20) continue;  // in no full batch of the plain order
      const Batch& other = plain[static_cast<size_t>(row / 4)];
      EXPECT_TRUE(torch::equal(batch.images[i], other.images[row % 4])) << row;
      const int64_t a = batch.roles.negatives_BN()[i][0].item<int64_t>(),
                    b = other.roles.negatives_BN()[row % 4][0].item<int64_t>();
      ASSERT_EQ(a < 0, b < 0);
      if (a >= 0) {
        EXPECT_TRUE(
            torch::equal(test::rectangle(batch.texts)[a].narrow(0, 0, 4), test::rectangle(other.texts)[b].narrow(0, 0, 4)))
            << row;
      }
      ++compared;
    }
  }
  EXPECT_GE(compared, 18);
}

TEST_F(Order, ShuffleTakesEachSampleAtMostOnceAnEpoch) {
  auto taken = rows(fresh_epoch(7));
  EXPECT_EQ(taken.size(), 20u) << "floor(22 / 4) full batches";
  EXPECT_EQ(std::set<int64_t>(taken.begin(), taken.end()).size(), 20u);
  EXPECT_FALSE(std::is_sorted(taken.begin(), taken.end()));
}

TEST_F(Order, ShuffleOffKeepsTheTables) {
  setup_.data.shuffle = false;
  const auto taken = rows(fresh_epoch(7));
  ASSERT_EQ(taken.size(), 20u);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(taken[static_cast<size_t>(i)], i);
}

TEST_F(Order, NegativesDrawnChangeWithTheEpoch) {
  setup_.data.shuffle = false;
  std::set<int64_t> drawn;  // the word after "row1" in row 1's negative
  for (int64_t number = 0; number < 12; ++number) {
    const auto batch = fresh_epoch(number, 1)[0];
    ASSERT_EQ(batch.roles.negatives_BN().sizes(), (std::vector<int64_t>{4, 1}));
    EXPECT_EQ(batch.roles.negatives_BN()[0][0].item<int64_t>(), -1) << "row 0 has none";
    drawn.insert(test::rectangle(batch.texts)[batch.roles.negatives_BN()[1][0].item<int64_t>()][2].item<int64_t>());
  }
  EXPECT_EQ(drawn, (std::set<int64_t>{test::WordTokenizer::id("first"), test::WordTokenizer::id("second")}));
}

using Contents = test::LoaderTest;

TEST_F(Contents, AllNegativesInOrderPaddedToPerCaption) {
  setup_.data.shuffle = false;
  setup_.negatives.sample = NegativeSample::kAll;
  setup_.negatives.per_caption = 3;
  Loader loader(setup_);
  EXPECT_EQ(loader.negatives_per_caption(), 3);
  const auto batch = epoch(loader, 0, 1)[0];
  const auto rows = batch.roles.negatives_BN();
  ASSERT_EQ(rows.sizes(), (std::vector<int64_t>{4, 3}));
  EXPECT_TRUE(rows.select(1, 2).eq(-1).all().item<bool>());
  EXPECT_TRUE(rows[0].eq(-1).all().item<bool>());
  const auto word = [&](int64_t i, int64_t k) {
    return test::rectangle(batch.texts)[rows[i][k].item<int64_t>()][2].item<int64_t>();
  };
  EXPECT_EQ(word(1, 0), test::WordTokenizer::id("first"));
  EXPECT_EQ(word(2, 1), test::WordTokenizer::id("second"));
  EXPECT_EQ(batch.texts.size(), 4 + 4) << "rows 0 and 3 have none";
}

TEST_F(Contents, WithoutNegativesTheColumnIsNotNeeded) {
  setup_.negatives.source = NegativeSource::kNone;
  setup_.data.train[0].path = dir_.write("plain.tsv", "filepath\ttitle\n" + image(0) + "\ta\n" + image(1) + "\tb\n");
  setup_.batch_size = 2;
  Loader loader(setup_);
  EXPECT_EQ(loader.negatives_per_caption(), 0);
  EXPECT_EQ(epoch(loader, 0)[0].roles.negatives_BN().size(1), 0);
}

TEST_F(Contents, PixelsAreTheEvalTransformsBytes) {
  setup_.data.shuffle = false;
  const auto batch = fresh_epoch(0, 1)[0];
  ASSERT_EQ(batch.images.sizes(), (std::vector<int64_t>{4, 3, 16, 16}));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(batch.keys[i], image(i));
    EXPECT_TRUE(torch::equal(batch.images[static_cast<int64_t>(i)], eval_pixels(decode_image_file(image(i)), setup_.preprocess)));
  }
}

TEST_F(Contents, CountsTexts) {
  setup_.data.shuffle = false;
  setup_.context_length = 4;  // "row1 second word" and nothing else is too long
  setup_.negatives.sample = NegativeSample::kAll;
  Loader loader(setup_);
  const auto batches = epoch(loader, 0, 3);
  for (const auto& batch : batches) EXPECT_LE(batch.texts.sequences.longest, 4);
  const auto stats = loader.stats();
  EXPECT_EQ(stats.texts, 12 + 2 * 8) << "texts of the twelve samples that were handed out, not of those made ahead";
  EXPECT_EQ(stats.truncated, 8);
  EXPECT_EQ(stats.bad_samples, 0);
}

TEST_F(Contents, FingerprintIsOfTheTableAndOfWhatIsThere) {
  const Loader loader(setup_);
  EXPECT_EQ(loader.fingerprint(), Loader(setup_).fingerprint());
  EXPECT_NE(loader.fingerprint().find("22 with their image"), std::string::npos) << loader.fingerprint();
  std::ofstream(setup_.data.train[0].path, std::ios::app) << "\n";  // a blank line: the same samples, another file
  EXPECT_NE(loader.fingerprint(), Loader(setup_).fingerprint());
  EXPECT_EQ(loader.samples(), 22);
  EXPECT_EQ(loader.batches_per_epoch(), 5);
}

TEST_F(Contents, NextBeforeAnEpochIsABug) {
  Loader loader(setup_);
  EXPECT_THROW(loader.next(), c10::Error);
}

}  // namespace
}  // namespace fsc
