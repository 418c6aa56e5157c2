// The same image or caption twice in a batch, and negatives that are a caption of their batch: kept, as by the official code,
// unless asked for.
#include <algorithm>
#include <set>

#include "loader_support.h"
#include "support/text_rows.h"

namespace fsc {
namespace {
using test::expect_same;

class Duplicates : public test::LoaderTest {
 protected:
  Duplicates() {
    setup_.negatives.source = NegativeSource::kNone;
    setup_.data.avoid_duplicates = AvoidDuplicates::kAuto;
    setup_.data.workers = 3;
  }
  /// Row i: image i / per_image, caption "row<i>" or what `caption` says.
  void write(size_t rows, size_t per_image, const std::function<std::string(size_t)>& caption = {}) {
    std::string text = "filepath\ttitle\tneg_caption\n";
    for (size_t i = 0; i < rows; ++i) {
      const std::string copy = dir_.write("image" + std::to_string(i / per_image) + ".png", test::read_all(image(1)));
      text += copy + "\t" + (caption ? caption(i) : "row" + std::to_string(i)) + "\t[]\n";
    }
    setup_.data.train[0].path = dir_.write("t.tsv", text);
  }
  static bool repeats(const std::vector<std::string>& keys) {
    return std::set<std::string>(keys.begin(), keys.end()).size() < keys.size();
  }
};

TEST_F(Duplicates, AnImageComesOnceInABatch) {
  write(60, 5);
  setup_.batch_size = 8;
  Loader loader(setup_);
  std::set<int64_t> seen;
  for (int64_t number = 0; number < 3; ++number) {
    const auto batches = epoch(loader, number);
    ASSERT_EQ(batches.size(), 7u);
    for (size_t i = 0; i + 1 < batches.size(); ++i)
      EXPECT_FALSE(repeats(batches[i].keys)) << "epoch " << number << " batch " << i;
    auto taken = rows(batches);
    EXPECT_EQ(std::set<int64_t>(taken.begin(), taken.end()).size(), taken.size()) << "still each sample at most once an epoch";
  }
  EXPECT_GT(loader.stats().duplicates_moved, 10);
  EXPECT_LT(loader.stats().duplicates_left, 12);
}

TEST_F(Duplicates, ByDefaultTheyStayAndAreCounted) {
  write(60, 5);
  setup_.batch_size = 8;
  setup_.data.avoid_duplicates = DataConfig().avoid_duplicates;
  Loader loader(setup_);
  const auto batches = epoch(loader, 0);
  EXPECT_TRUE(std::any_of(batches.begin(), batches.end(), [](const Batch& batch) { return repeats(batch.keys); }));
  EXPECT_EQ(loader.stats().duplicates_moved, 0);
  EXPECT_GT(loader.stats().duplicates_left, 0);
}

TEST_F(Duplicates, AutoIsForSeveralCaptionsAnImage) {
  write(24, 1, [](size_t i) { return "row" + std::to_string(i / 2); });  // captions twice, images once
  setup_.batch_size = 8;
  Loader loader(setup_);
  epoch(loader, 0);
  EXPECT_EQ(loader.stats().duplicates_moved, 0);
  setup_.data.avoid_duplicates = AvoidDuplicates::kTrue;
  Loader careful(setup_);
  for (int64_t number = 0; number < 5; ++number) epoch(careful, number);
  EXPECT_GT(careful.stats().duplicates_moved, 0) << "the same caption counts as much as the same image";
}

TEST_F(Duplicates, DoNotDependOnWorkers) {
  write(60, 5);
  setup_.batch_size = 8;
  setup_.data.workers = 1;
  const auto one = fresh_epoch(2);
  setup_.data.workers = 6;
  setup_.data.prefetch = 1;
  expect_same(fresh_epoch(2), one);
}

TEST_F(Duplicates, WaitingSamplesSurviveAResume) {
  write(60, 10);
  setup_.batch_size = 5;
  std::vector<DataPlace> states;
  const auto whole = fresh_epoch(1, -1, &states);
  for (size_t i = 0; i + 1 < whole.size(); ++i) {
    SCOPED_TRACE("after batch " + std::to_string(i) + ": " + states[i].state);
    std::vector<DataPlace> later;
    const std::vector<Batch> rest(whole.begin() + static_cast<std::ptrdiff_t>(i) + 1, whole.end());
    expect_same(fresh_epoch(states[i], static_cast<int64_t>(rest.size()), &later), rest);
    EXPECT_EQ(later.back(), states.back()) << "and so does the state";
  }
  EXPECT_TRUE(std::any_of(states.begin(), states.end(), [](const DataPlace& at) {
    return !at.state.empty() && at.state.find("\"waiting\":[]") == std::string::npos;
  }));
}

TEST_F(Duplicates, AStateRightAfterAResumeIsTheSameState) {
  write(60, 10);
  setup_.batch_size = 5;
  std::vector<DataPlace> states;
  fresh_epoch(1, 4, &states);
  Loader loader(setup_);
  loader.start(states[2]);
  Loader again(setup_);
  again.start(loader.place());
  loader.next();
  again.next();
  EXPECT_EQ(loader.place(), again.place());
}

TEST_F(Duplicates, MoreThanTheLookAheadAreTakenAsTheyCome) {
  write(300, 150);  // two images
  setup_.batch_size = 4;
  Loader loader(setup_);
  EXPECT_EQ(epoch(loader, 0).size(), 75u) << "no endless search";
  EXPECT_GT(loader.stats().duplicates_left, 100);
}

/// Two samples whose negatives are the other's caption, their own, each other's, and one that is none of these.
class AwkwardNegatives : public test::LoaderTest {
 protected:
  AwkwardNegatives() {
    setup_.negatives.sample = NegativeSample::kAll;
    setup_.negatives.per_caption = 3;
    setup_.data.shuffle = false;
    setup_.batch_size = 2;
    std::string text = "filepath\ttitle\tneg_caption\n";
    text += image(0) + "\tA red dog\t['a blue cat.', 'A red dog', 'a green cat']\n";
    text += image(1) + "\ta blue  cat\t['a green cat', 'a green cat', 'A BLUE CAT']\n";
    setup_.data.train[0].path = dir_.write("t.tsv", text);
  }
};

TEST_F(AwkwardNegatives, AreAllKeptByDefaultAsInTheOfficialCode) {
  Loader loader(setup_);
  const auto batch = epoch(loader, 0)[0];
  EXPECT_TRUE(batch.roles.negatives_BN().ge(0).all().item<bool>()) << batch.roles.negatives_BN();
  EXPECT_EQ(loader.stats().negatives_dropped, 0);
  EXPECT_EQ(loader.stats().negatives, 6);
  const auto same_words = [&](const torch::Tensor& a, const torch::Tensor& b) {
    return torch::equal(test::rectangle(batch.texts)[a.item<int64_t>()], test::rectangle(batch.texts)[b.item<int64_t>()]);
  };
  EXPECT_TRUE(same_words(batch.roles.negatives_BN()[0][1], batch.roles.captions_B()[0])) << "its own caption, word for word";
  EXPECT_TRUE(same_words(batch.roles.negatives_BN()[1][0], batch.roles.negatives_BN()[1][1])) << "the same one twice";
}

TEST_F(AwkwardNegatives, AreDroppedOnDemandWhereTheyAreACaptionOfTheBatch) {
  setup_.negatives.avoid_batch_captions = true;
  Loader loader(setup_);
  const auto batch = epoch(loader, 0)[0];
  const auto kept = batch.roles.negatives_BN().ge(0);
  EXPECT_TRUE(torch::equal(kept, torch::tensor({{false, false, true}, {true, true, false}})))
      << "the other's, its own; not each other's: " << kept;
  EXPECT_EQ(loader.stats().negatives_dropped, 3);
  EXPECT_EQ(loader.stats().negatives, 3);
  EXPECT_EQ(loader.stats().negative_slots, 6);
}

TEST_F(Duplicates, AStateOfSomethingElseIsRefused) {
  write(20, 1);
  Loader loader(setup_);
  test::expect_error([&] { loader.start({.state = "{\"draw\": 3}"}); }, ExitCode::kFailed, {"place in the data"});
  test::expect_error([&] { loader.start({.state = "nonsense"}); }, ExitCode::kFailed, {"place in the data"});
}

}  // namespace
}  // namespace fsc
