// Missing and broken images, failing workers, and loaders that are dropped in the middle of their work.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "loader_support.h"

namespace fsc {
namespace {
using test::expect_error;
using test::expect_same;

class BadSamples : public test::LoaderTest {
 protected:
  BadSamples() {
    setup_.data.shuffle = false;
    setup_.data.max_bad_samples = 0.25;
  }
  std::string broken() const { return dir_.write("broken.jpg", "no image"); }
  std::string named() const { return test::read_all(setup_.bad_samples_file); }
  /// Twelve good rows with some replaced.
  void write_with(const std::vector<std::pair<size_t, std::string>>& replaced) {
    auto all = images(12);
    for (const auto& [i, path] : replaced) all[i] = path;
    write_table(all);
  }
};

TEST_F(BadSamples, AreSkippedCountedAndNamed) {
  write_with({{1, "missing.jpg"}, {5, broken()}});
  Loader loader(setup_);
  EXPECT_EQ(loader.samples(), 11) << "what is missing is known at once";
  EXPECT_EQ(loader.stats().bad_samples, 1);
  EXPECT_EQ(loader.batches_per_epoch(), 2);
  EXPECT_EQ(rows(epoch(loader, 0)), (std::vector<int64_t>{0, 2, 3, 4, 6, 7, 8, 9})) << "the next of the order takes the place";
  EXPECT_EQ(loader.stats().bad_samples, 2);
  epoch(loader, 1);
  EXPECT_EQ(loader.stats().bad_samples, 2) << "each sample once, however often it is met";
  const std::string text = named();
  EXPECT_EQ(text.find("missing.jpg\t"), 0u) << text;
  EXPECT_NE(text.find("does not exist"), std::string::npos) << text;
  EXPECT_NE(text.find("\n" + broken() + "\t"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST_F(BadSamples, AResumedRunGoesOnWithTheList) {
  write_with({{1, "missing.jpg"}, {5, broken()}});
  fresh_epoch(0);
  const std::string before = named();
  const auto again = fresh_epoch(0);
  EXPECT_EQ(named(), before) << "nothing is named twice";
  expect_same(again, fresh_epoch(0));
}

TEST_F(BadSamples, WorkersSkipAlike) {
  write_with({{0, broken()}, {4, broken()}, {7, "missing.jpg"}});
  setup_.data.shuffle = true;
  setup_.data.workers = 1;
  const auto one = fresh_epoch(3);
  setup_.data.workers = 5;
  expect_same(fresh_epoch(3), one);
}

TEST_F(BadSamples, ThePastTheEndOfTheOrderStartsAgain) {
  write_with({{2, broken()}});
  setup_.batch_size = 6;
  Loader loader(setup_);
  EXPECT_EQ(loader.batches_per_epoch(), 2) << "fixed, whatever breaks on the way";
  std::vector<DataPlace> states;
  const auto batches = epoch(loader, 0, -1, &states);
  EXPECT_EQ(rows(batches), (std::vector<int64_t>{0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0}));
  EXPECT_EQ(states[0].draw, 7) << "row 2 was looked at, too";
  expect_same(fresh_epoch(states[0], 1), {batches[1]});
}

TEST_F(BadSamples, MissingOverTheShareIsFatalAtOnce) {
  write_with({{1, "m1.jpg"}, {2, "m2.jpg"}, {3, "m3.jpg"}});
  EXPECT_EQ(Loader(setup_).samples(), 9) << "3 of 12 is a quarter, which is allowed";
  setup_.data.max_bad_samples = 0.2;
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed,
               {"3 of 12 samples", "data.max_bad_samples = 0.2", "m3.jpg does not exist", setup_.bad_samples_file});
  EXPECT_NE(named().find("m2.jpg"), std::string::npos);
}

TEST_F(BadSamples, BrokenOverTheShareIsFatalWhenMet) {
  write_with({{0, "missing.jpg"}, {4, broken()}, {9, broken()}});
  setup_.data.max_bad_samples = 0.2;
  Loader loader(setup_);
  loader.start();
  EXPECT_EQ(rows(loader.next()), (std::vector<int64_t>{1, 2, 3, 5}));
  expect_error([&] { loader.next(); }, ExitCode::kFailed, {"3 of 12 samples", "data.max_bad_samples", "broken.jpg"});
}

TEST_F(BadSamples, NoShareMeansNone) {
  write_with({{11, broken()}});
  setup_.data.max_bad_samples = 0;
  Loader loader(setup_);
  epoch(loader, 0, 2);
  expect_error([&] { loader.next(); }, ExitCode::kFailed, {"1 of 12 samples"});
}

TEST_F(BadSamples, APhotoOfManyCaptionsCountsForEachAndIsNamedOnce) {
  write_with({{1, "shared.jpg"}, {2, "shared.jpg"}, {3, "shared.jpg"}, {4, "shared.jpg"}});
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed, {"4 of 12 samples"});
  const std::string text = named();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST_F(BadSamples, AllMissing) {
  write_with({});
  write_table(std::vector<std::string>(5, "nowhere/a.jpg"));
  setup_.data.max_bad_samples = 1.0;
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed,
               {"none of the 5 images", (dir_ / "nowhere/a.jpg").string(), "data.train.image_root"});
}

TEST_F(BadSamples, AllBrokenEndsEvenWhereAllMayBe) {
  write_table(std::vector<std::string>(8, broken()));
  setup_.data.max_bad_samples = 1.0;
  Loader loader(setup_);
  loader.start();
  expect_error([&] { loader.next(); }, ExitCode::kFailed, {"8 of 8 samples", "broken.jpg"});
}

TEST_F(BadSamples, EveryKindOfBrokenFile) {
  const std::string broken_dir = FSC_TEST_DATA "/images/broken/";
  write_with({{0, broken_dir + "empty.jpg"}, {1, broken_dir + "text.jpg"}, {2, broken_dir + "truncated.jpg"}, {3, dir_.path()}});
  setup_.data.max_bad_samples = 0.5;
  EXPECT_EQ(rows(fresh_epoch(0, 1)), (std::vector<int64_t>{4, 5, 6, 7}));
  const std::string text = named();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
}

TEST_F(BadSamples, WithoutAFileTheyAreCountedOnly) {
  write_with({{1, "missing.jpg"}});
  setup_.bad_samples_file.clear();
  EXPECT_EQ(Loader(setup_).stats().bad_samples, 1);
  setup_.data.max_bad_samples = 0;
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed, {"1 of 12 samples", "missing.jpg"});
}

TEST_F(BadSamples, ListThatCannotBeWritten) {
  write_with({{1, "missing.jpg"}});
  setup_.bad_samples_file = dir_ / "none" / "bad_samples.txt";
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed, {"none/bad_samples.txt"});
}

TEST_F(BadSamples, BatchLargerThanTheData) {
  write_with({{1, "missing.jpg"}});
  setup_.batch_size = 12;
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed, {"train.batch_size = 12", "11 usable samples", "t.tsv"});
  setup_.batch_size = 11;
  EXPECT_EQ(Loader(setup_).batches_per_epoch(), 1);
}

TEST_F(BadSamples, NegativesThatAreNoList) {
  setup_.data.train[0].path =
      dir_.write("n.tsv", "neg_caption\tfilepath\ttitle\n[]\t" + image(0) + "\t\"a\nb\"\n['open\t" + image(1) + "\tc\n");
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed, {"n.tsv:4", image(1), "neg_caption"});
  setup_.negatives.column = "neg";
  expect_error([&] { Loader{setup_}; }, ExitCode::kFailed,
               {"no column 'neg'", "negatives.column", "neg_caption, filepath, title"});
}

class Workers : public test::LoaderTest {
 protected:
  /// Row 9's caption makes the tokenizer throw.
  void write_failing() {
    std::string text = "neg_caption\tfilepath\ttitle\n";
    for (size_t i = 0; i < 12; ++i) text += "[]\t" + image(i) + "\trow" + std::to_string(i) + (i == 9 ? " throw" : "") + "\n";
    setup_.data.train[0].path = dir_.write("t.tsv", text);
    setup_.data.shuffle = false;
  }
};

TEST_F(Workers, AnExceptionReachesTheConsumer) {
  write_failing();
  for (const int64_t workers : {1, 3, 7}) {
    setup_.data.workers = workers;
    Loader loader(setup_);
    loader.start();
    EXPECT_EQ(rows(loader.next()), (std::vector<int64_t>{0, 1, 2, 3}));
    EXPECT_EQ(rows(loader.next()), (std::vector<int64_t>{4, 5, 6, 7})) << "what comes before it in the order is handed out";
    EXPECT_THROW(loader.next(), std::runtime_error);
    EXPECT_THROW(loader.next(), std::runtime_error) << "and again, instead of a wait for ever";
    loader.start();
    EXPECT_EQ(rows(loader.next()), (std::vector<int64_t>{0, 1, 2, 3})) << "a new epoch begins without the old failure";
  }
}

int64_t threads_of_this_process() { return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}); }

TEST_F(Workers, ADroppedLoaderEndsItsThreads) {
  setup_.data.workers = 6;
  fresh_epoch(0);  // what libraries start once stays
  const int64_t before = threads_of_this_process();
  for (const int64_t prefetch : {1, 64}) {
    setup_.data.prefetch = prefetch;
    for (int i = 0; i < 20; ++i) {
      Loader loader(setup_);
      loader.start(place_of(loader, i));
      EXPECT_GE(threads_of_this_process(), before + 6);
      if (i % 3 == 1) loader.next();
      if (i % 3 == 2) loader.start(place_of(loader, i + 1));
    }
  }
  for (int wait = 0; wait < 1000 && threads_of_this_process() > before; ++wait)  // the kernel takes a moment after a join
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST_F(Workers, MoreThanThereIsToDo) {
  setup_.data.workers = 16;
  write_table(images(2));
  setup_.batch_size = 1;
  setup_.data.shuffle = false;
  EXPECT_EQ(rows(fresh_epoch(0)), (std::vector<int64_t>{0, 1}));
}

}  // namespace
}  // namespace fsc
