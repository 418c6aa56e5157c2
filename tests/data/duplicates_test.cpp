// The same image or caption twice in a batch, and negatives that are another sample's caption.
#include <algorithm>
#include <set>

#include "loader_support.h"

namespace fsc {
namespace {
using test::expect_same;

class Duplicates : public test::LoaderTest {
 protected:
  Duplicates() {
    setup_.negatives.source = NegativeSource::kNone;
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
  static bool repeats(const std::vector<std::string>& keys) { return std::set<std::string>(keys.begin(), keys.end()).size() < keys.size(); }
};

TEST_F(Duplicates, AnImageComesOnceInABatch) {
  write(60, 5);
  setup_.batch_size = 8;
  Loader loader(setup_);
  std::set<int64_t> seen;
  for (int64_t number = 0; number < 3; ++number) {
    const auto batches = epoch(loader, number);
    ASSERT_EQ(batches.size(), 7u);
    for (size_t i = 0; i + 1 < batches.size(); ++i) EXPECT_FALSE(repeats(batches[i].keys)) << "epoch " << number << " batch " << i;
    auto taken = rows(batches);
    EXPECT_EQ(std::set<int64_t>(taken.begin(), taken.end()).size(), taken.size()) << "still each sample at most once an epoch";
  }
  EXPECT_GT(loader.stats().duplicates_moved, 10);
  EXPECT_LT(loader.stats().duplicates_left, 12);
}

TEST_F(Duplicates, OffTheyStayAndAreCounted) {
  write(60, 5);
  setup_.batch_size = 8;
  setup_.data.avoid_duplicates = AvoidDuplicates::kFalse;
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
  std::vector<std::string> states;
  const auto whole = fresh_epoch(1, "", -1, &states);
  for (size_t i = 0; i + 1 < whole.size(); ++i) {
    SCOPED_TRACE("after batch " + std::to_string(i) + ": " + states[i]);
    std::vector<std::string> later;
    const std::vector<Batch> rest(whole.begin() + static_cast<std::ptrdiff_t>(i) + 1, whole.end());
    expect_same(fresh_epoch(1, states[i], static_cast<int64_t>(rest.size()), &later), rest);
    EXPECT_EQ(later.back(), states.back()) << "and so does the state";
  }
  EXPECT_TRUE(std::any_of(states.begin(), states.end(), [](const std::string& state) { return state.find("\"waiting\":[]") == std::string::npos; }));
}

TEST_F(Duplicates, AStateRightAfterAResumeIsTheSameState) {
  write(60, 10);
  setup_.batch_size = 5;
  std::vector<std::string> states;
  fresh_epoch(1, "", 4, &states);
  Loader loader(setup_);
  loader.start_epoch(1, states[2]);
  Loader again(setup_);
  again.start_epoch(1, loader.state());
  loader.next();
  again.next();
  EXPECT_EQ(loader.state(), again.state());
}

TEST_F(Duplicates, MoreThanTheLookAheadAreTakenAsTheyCome) {
  write(300, 150);  // two images
  setup_.batch_size = 4;
  Loader loader(setup_);
  EXPECT_EQ(epoch(loader, 0).size(), 75u) << "no endless search";
  EXPECT_GT(loader.stats().duplicates_left, 100);
}

TEST_F(Duplicates, ANegativeThatIsAnothersCaptionIsDropped) {
  setup_.negatives.source = NegativeSource::kColumn;
  setup_.data.shuffle = false;
  setup_.batch_size = 2;
  std::string text = "filepath\ttitle\tneg_caption\n";
  text += image(0) + "\tA red dog\t['a blue cat.']\n" + image(1) + "\ta blue  cat\t['a green cat']\n";
  setup_.data.train[0].path = dir_.write("t.tsv", text);
  Loader loader(setup_);
  const auto batch = epoch(loader, 0)[0];
  EXPECT_EQ(batch.negative_rows[0][0].item<int64_t>(), -1);
  EXPECT_EQ(batch.negative_rows[1][0].item<int64_t>(), 2);
  EXPECT_EQ(loader.stats().negatives_dropped, 1);
  EXPECT_EQ(loader.stats().negatives, 1);
  EXPECT_EQ(loader.stats().negative_slots, 2);
  setup_.negatives.avoid_batch_captions = false;
  EXPECT_EQ(fresh_epoch(0)[0].negative_rows[0][0].item<int64_t>(), 2);
}

TEST_F(Duplicates, AStateOfSomethingElseIsRefused) {
  write(20, 1);
  Loader loader(setup_);
  test::expect_error([&] { loader.start_epoch(0, "{\"draw\": 3}"); }, ExitCode::kFailed, {"place in the data"});
  test::expect_error([&] { loader.start_epoch(0, "nonsense"); }, ExitCode::kFailed, {"place in the data"});
}

}  // namespace
}  // namespace fsc
