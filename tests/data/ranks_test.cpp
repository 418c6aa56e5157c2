// Several ranks see what one process sees: the same batches, negatives, crops and places, from any place on any number of them.
#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fsc/shards/tar_writer.h"
#include "ranks_support.h"

namespace fsc {
namespace {

/// Kinds of data, by name.
class Ranks : public test::RanksTest, public testing::WithParamInterface<std::string> {
 protected:
  Ranks() {
    const std::string& kind = GetParam();
    if (kind == "table") write_table(images(45));
    if (kind == "accumulated") write_table(images(60)), setup_.accum_freq = 2;
    if (kind == "one caption of each image") write_karpathy(40);
    if (kind.starts_with("shards")) write_shards(kind.ends_with("apart") ? 5 : 100), setup_.data.shuffle_buffer = 7;
    if (kind == "shards, four streams, duplicates apart")
      setup_.data.shard_streams = 4, setup_.data.avoid_duplicates = AvoidDuplicates::kTrue;
    if (kind == "shards, four streams") setup_.data.shard_streams = 4;
    if (kind == "shards, six streams, resampled") setup_.data.shard_streams = 6, setup_.data.resampled = true;
    if (kind == "shards, five streams, a cut one") setup_.data.shard_streams = 5, cut_shard();
    if (kind == "shards of unknown size") without_sizes(3);
    if (kind == "shards of unknown size, fewer than streams") without_sizes(8);
    if (kind == "mix") mix();
    if (kind == "bad images") write_table_with_bad_images();
    if (kind == "duplicates apart") write_duplicates();
    if (kind == "negatives that are captions") write_awkward_negatives();
  }

  std::string png(size_t i) { return test::read_all(image(i)); }

  /// Captions are `captions` a shard, so that there may be duplicates.
  void write_shards(size_t captions = 100) {
    for (size_t shard = 0; shard < 4; ++shard) {
      TarWriter tar(dir_ / (std::to_string(shard) + ".tar"));
      for (size_t i = 0; i < 9 + 3 * shard; ++i) {
        const std::string key = std::to_string(i), name = "row" + std::to_string(100 * shard + i % captions);
        tar.add(key + ".jpg", png(i + shard) + key + "of" + std::to_string(shard));  // other bytes, another image
        tar.add(key + ".txt", name + " caption");
        tar.add(key + ".json", nlohmann::json{{"neg_caption", {name + " first", name + " second"}}}.dump());
      }
      tar.finish();
    }
    setup_.data.train[0].format = SourceFormat::kWebdataset;
    setup_.data.train[0].path = (dir_ / "*.tar").string();
    setup_.data.max_bad_samples = 0.5;
  }
  void cut_shard() {
    dir_.write("sizes.json", R"({"0.tar": 9, "1.tar": 12, "2.tar": 15, "3.tar": 18})");
    const auto file = dir_ / "2.tar";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  }
  void without_sizes(int64_t streams) {
    setup_.data.train[0].path = "pipe:cat " + (dir_ / "{0..3}.tar").string();
    setup_.data.train[0].samples = 50;
    setup_.data.shard_streams = streams;
  }
  void write_karpathy(size_t count) {
    nlohmann::json all = nlohmann::json::array();
    for (size_t i = 0; i < count; ++i) {
      const std::string file = "image" + std::to_string(i) + ".png", name = "row" + std::to_string(i);
      dir_.write(file, png(1));
      all.push_back(
          {{"filename", file}, {"split", "train"}, {"sentences", {{{"raw", name + " one"}}, {{"raw", name + " other"}}}}});
    }
    setup_.data.train[0].format = SourceFormat::kKarpathy;
    setup_.data.train[0].captions = CaptionChoice::kOne;
    setup_.data.train[0].path = dir_.write("k.json", nlohmann::json{{"images", all}}.dump());
    setup_.negatives.source = NegativeSource::kNone;
  }
  void mix() {
    write_table(images(24));
    const TrainSourceConfig table = setup_.data.train[0];
    write_shards();
    setup_.data.train.push_back(table);
    setup_.data.train[1].weight = 1.5;
    setup_.data.shard_streams = 4;
    setup_.data.shuffle_buffer = 12;
  }
  void write_table_with_bad_images() {
    auto all = images(45);
    for (const size_t i : {2u, 3u, 7u, 20u, 31u, 40u}) all[i] = dir_.write("broken" + std::to_string(i) + ".jpg", "no image");
    all[11] = "missing.jpg";
    write_table(all);
    setup_.data.max_bad_samples = 0.5;
  }
  void write_duplicates() {
    std::string text = "filepath\ttitle\tneg_caption\n";
    for (size_t i = 0; i < 160; ++i)
      text += dir_.write("image" + std::to_string(i / 4) + ".png", png(1)).string() + "\trow" + std::to_string(i) + "\t['no']\n";
    setup_.data.train[0].path = dir_.write("t.tsv", text);
    setup_.data.avoid_duplicates = AvoidDuplicates::kAuto;
    setup_.batch_size = 16;
  }
  void write_awkward_negatives() {
    std::string text = "filepath\ttitle\tneg_caption\n";
    for (size_t i = 0; i < 45; ++i)
      text += image(i) + "\trow" + std::to_string(i) + "\t['row" + std::to_string(i * 7 % 45) + "', 'none " + std::to_string(i) +
              "']\n";
    setup_.data.train[0].path = dir_.write("t.tsv", text);
    setup_.negatives.avoid_batch_captions = true;
  }

  /// Two epochs and a bit of one process alone.
  test::OfRank alone() {
    LoaderSetup setup = setup_;
    setup.bad_samples_file.clear();
    const int64_t count = 2 * Loader(setup).batches_per_epoch() + 2;
    return std::move(run(1, count)[0]);
  }
};

INSTANTIATE_TEST_SUITE_P(Data, Ranks,
                         testing::Values("table", "accumulated", "one caption of each image", "shards", "shards, four streams",
                                         "shards, four streams, duplicates apart", "shards, six streams, resampled",
                                         "shards, five streams, a cut one", "shards of unknown size",
                                         "shards of unknown size, fewer than streams", "mix", "bad images", "duplicates apart",
                                         "negatives that are captions"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return c == ','; });
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST_P(Ranks, SeeWhatOneProcessSees) {
  const auto one = alone();
  expect_alike(one, {2, 3, 4});
  if (GetParam() == "duplicates apart") {
    EXPECT_GT(one.stats.duplicates_moved, 10);
  }
  if (GetParam() == "negatives that are captions") {
    EXPECT_GT(one.stats.negatives_dropped, 0);
  }
  if (GetParam() == "bad images") {
    EXPECT_EQ(one.stats.bad_samples, 7);
  }
}

TEST_P(Ranks, GoOnWhereOthersStopped) {
  const auto one = alone();
  for (size_t first = 3; first < one.batches.size(); first += 3)
    expect_alike(one, {1 + static_cast<int64_t>(first / 3) % 4}, first);
}

class RankFaults : public test::RanksTest {
 protected:
  static void expect_failures(const std::vector<test::OfRank>& ranks, ExitCode code, const std::vector<std::string>& parts) {
    for (size_t r = 0; r < ranks.size(); ++r) {
      EXPECT_EQ(ranks[r].code, code) << r;
      EXPECT_EQ(ranks[r].batches.size(), ranks[0].batches.size()) << "all end at the same batch";
      for (const auto& part : parts) EXPECT_NE(ranks[r].failure.find(part), std::string::npos) << r << ": " << ranks[r].failure;
    }
  }
  std::string broken() const { return dir_.write("broken.jpg", "no image"); }
};

TEST_F(RankFaults, BadSamplesAreCountedOverAll) {
  auto all = images(40);
  all[5] = all[18] = all[19] = broken();
  write_table(all);
  setup_.data.shuffle = false;
  setup_.data.max_bad_samples = 0.05;  // two of 40
  for (const int64_t world : {1, 2, 3}) {
    std::filesystem::remove(setup_.bad_samples_file);
    const auto ranks = run(world, 5);
    expect_failures(ranks, ExitCode::kFailed, {"3 of 40 samples", "max_bad_samples", "broken.jpg", "all are named in"});
    for (const auto& rank : ranks) EXPECT_EQ(rank.failure, ranks[0].failure);
    EXPECT_EQ(ranks[0].batches.size(), 2u) << "the third batch begins with place 17";
    EXPECT_NE(test::read_all(setup_.bad_samples_file).find(world == 1 ? "broken.jpg" : fmt::format(" (rank {})\n", 5 % world)),
              std::string::npos);
  }
}

TEST_F(RankFaults, AnExceptionOfOneEndsAll) {
  std::string text = "neg_caption\tfilepath\ttitle\n";
  for (size_t i = 0; i < 40; ++i) text += "[]\t" + image(i) + "\trow" + std::to_string(i) + (i == 21 ? " throw" : "") + "\n";
  setup_.data.train[0].path = dir_.write("t.tsv", text);
  setup_.data.shuffle = false;
  const auto ranks = run(2, 5);
  expect_failures(ranks, ExitCode::kFailed, {"the tokenizer failed"});
  EXPECT_EQ(ranks[0].batches.size(), 2u);
  EXPECT_EQ(ranks[0].failure, "rank 1: the tokenizer failed");
  EXPECT_EQ(ranks[1].failure, "the tokenizer failed");
}

TEST_F(RankFaults, DataThatOneCannotOpenEndsAll) {
  write_table(images(40));
  const auto ranks = run(3, 1, {}, [](int64_t rank, LoaderSetup& setup) {
    if (rank == 2) setup.data.train[0].path += ".none";
  });
  expect_failures(ranks, ExitCode::kFailed, {"t.tsv.none"});
  EXPECT_EQ(ranks[0].failure.find("rank 2: "), 0u) << ranks[0].failure;
}

TEST_F(RankFaults, AnotherTableIsNoticed) {
  write_table(images(40));
  const std::string other = dir_.write("other.tsv", "neg_caption\tfilepath\ttitle\n[]\t" + image(0) + "\ta\n");
  expect_failures(run(2, 1, {},
                      [&](int64_t rank, LoaderSetup& setup) {
                        if (rank == 1) setup.data.train[0].path = other;
                      }),
                  ExitCode::kFailed, {"other.tsv has another number of samples here than on rank 0"});
}

TEST_F(RankFaults, WhatIsMissingIsWhatRankZeroMisses) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back(std::to_string(i) + ".png");
    dir_.write("here/" + names.back(), test::read_all(image(1)));
    if (i != 3) dir_.write("there/" + names.back(), test::read_all(image(1)));
  }
  write_table(names);
  setup_.data.shuffle = false;
  setup_.data.max_bad_samples = 0.5;
  const auto ranks = run(2, 1, {}, [&](int64_t rank, LoaderSetup& setup) {
    setup.data.train[0].image_root = dir_ / (rank == 0 ? "here" : "there");
  });
  for (const auto& rank : ranks) {
    EXPECT_EQ(rank.failure, "");
    EXPECT_NE(rank.fingerprint.find("40 with their image"), std::string::npos);
    EXPECT_EQ(rank.stats.bad_samples, 1) << "met when its turn comes";
  }
}

TEST_F(RankFaults, ShardsAreCountedByRankZero) {
  for (int s = 0; s < 2; ++s) {
    TarWriter tar(dir_ / (std::to_string(s) + ".tar"));
    for (int i = 0; i < 10; ++i)
      tar.add(std::to_string(i) + ".jpg", test::read_all(image(1))), tar.add(std::to_string(i) + ".txt", "a");
    tar.finish();
  }
  setup_.data.train[0].format = SourceFormat::kWebdataset;
  setup_.data.train[0].path = (dir_ / "{0,1}.tar").string();
  setup_.negatives.source = NegativeSource::kNone;
  const auto ranks = run(2, 2, {}, [&](int64_t rank, LoaderSetup& setup) {
    if (rank == 1) setup.data.train[0].path = (dir_ / "{0,1,2}.tar").string();  // looks for itself it would find other shards
  });
  for (const auto& rank : ranks) EXPECT_EQ(rank.failure, "");
  EXPECT_EQ(ranks[0].fingerprint, ranks[1].fingerprint);
  setup_.data.train[0].path = (dir_ / "none-*.tar").string();
  expect_failures(run(2, 1), ExitCode::kFailed, {"none-*.tar"});
}

TEST_F(RankFaults, ARankWithoutARowIsAnError) {
  write_table(images(40));
  setup_.batch_size = 2;
  expect_failures(run(3, 1), ExitCode::kFailed, {"has 0 of the 2 samples of a batch", "fewer processes", "train.batch_size"});
  setup_.accum_freq = 4;
  expect_failures(run(3, 1), ExitCode::kFailed, {"of the 8 samples", "needs 4 at least", "train.accum_freq"});
}

TEST_F(RankFaults, AListThatCannotBeWrittenEndsAll) {
  auto all = images(40);
  all[5] = broken();
  write_table(all);
  setup_.data.shuffle = false;
  setup_.data.max_bad_samples = 0.5;
  setup_.bad_samples_file = dir_ / "none" / "bad_samples.txt";
  expect_failures(run(2, 5), ExitCode::kFailed, {"none/bad_samples.txt"});
}

TEST_F(RankFaults, WordsAreExchangedOnceABatch) {
  write_table(images(45));
  run(2, 5);
  EXPECT_EQ(rounds_, 3 + 5) << "images that are there, the end of the opening, the start, and each batch";
}

TEST_F(RankFaults, AStopEndsAllAtTheSameBatch) {
  write_table(images(45));
  setup_.data.shuffle = false;  // row 13 comes in the second batch
  const auto alone = run(1, 5);
  test::HangingTokenizer hanging;
  setup_.tokenizer = &hanging;
  install_stop_signals();
  test::MeetingPoint meeting(3);
  std::vector<std::unique_ptr<Loader>> loaders(3);
  std::vector<DataPlace> places(3);
  std::vector<size_t> done(3);
  std::atomic<int> stopped = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t rank = 0; rank < 3; ++rank)
      threads.emplace_back([&, rank] {
        loaders[rank] = std::make_unique<Loader>(setup_of(static_cast<int64_t>(rank), 3, meeting));
        loaders[rank]->start();
        try {
          for (; done[rank] < 5; ++done[rank]) loaders[rank]->next();
        } catch (const Stopped&) {
          ++stopped;
        }
        places[rank] = loaders[rank]->place();
      });
    while (!hanging.hangs) std::this_thread::yield();
    std::raise(SIGTERM);
  }
  EXPECT_EQ(stopped, 3);
  EXPECT_EQ(done, (std::vector<size_t>(3, done[0])));
  EXPECT_LE(done[0], 1u);
  EXPECT_EQ(places, (std::vector<DataPlace>(3, places[0])));
  hanging.go_on();
  loaders.clear();
  test::forget_stop_signal();
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) std::signal(signal, SIG_DFL);
  setup_.tokenizer = &tokenizer_;
  const auto rest = run(2, static_cast<int64_t>(5 - done[0]), places[0]);
  for (size_t i = done[0]; i < 5; ++i) EXPECT_EQ(rows_of(rest, i - done[0]), rows_of(alone, i)) << i;
}

}  // namespace
}  // namespace fsc
