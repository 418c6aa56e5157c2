// Batches one ahead of the step: the loader's own, in order, with places and counts of what was handed out.
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/heard.h"
#include "train/session_support.h"

namespace fsc {
namespace {
using namespace detail;
using test::small_config;
using test::small_session;
using test::SmallRun;

class FeedTest : public testing::Test {
 protected:
  static void expect_same(const Batch& a, const Batch& b) {
    EXPECT_EQ(a.keys, b.keys);
    EXPECT_TRUE(torch::equal(a.images, b.images));
    EXPECT_TRUE(torch::equal(a.texts.ids_M, b.texts.ids_M));
    EXPECT_TRUE(torch::equal(a.roles.negatives_BN(), b.roles.negatives_BN()));
  }

  const SmallRun run_;
  const test::Heard heard_;
};

TEST_F(FeedTest, GivesTheLoadersBatchesPlacesAndCounts) {
  const RunConfig config = small_config(run_);
  Session fed = small_session(config), plain = small_session(config);
  plain.loader->start();
  fed.feed->start({}, 8);
  EXPECT_EQ(fed.feed->place(), DataPlace{});
  for (int64_t i = 1; i <= 8; ++i) {  // six batches an epoch
    const Batch batch = fed.feed->next();
    EXPECT_EQ(batch.images.scalar_type(), torch::kUInt8);
    EXPECT_TRUE(batch.text_parts.empty());
    expect_same(batch, plain.loader->next());
    EXPECT_EQ(fed.feed->place(), plain.loader->place());
    EXPECT_EQ(fed.feed->stats().batches, i) << "those that were handed out";
    EXPECT_EQ(fed.feed->stats().samples, 4 * i);
  }
  EXPECT_GT(fed.feed->stats().at(Stage::kWait), 0);
  EXPECT_THROW(fed.feed->next(), std::logic_error) << "eight were asked for";
}

TEST_F(FeedTest, BeginsAgainAtAnyPlaceWhateverItHasReady) {
  Session session = small_session(small_config(run_));
  Feed& feed = *session.feed;
  feed.start({}, 12);
  std::vector<Batch> batches;
  std::vector<DataPlace> places = {feed.place()};
  for (int i = 0; i < 7; ++i) {
    batches.push_back(feed.next());
    places.push_back(feed.place());
  }
  for (const size_t from : {2u, 6u, 0u}) {
    feed.start(places[from], 12);
    EXPECT_EQ(feed.place(), places[from]);
    expect_same(feed.next(), batches[from]);
  }
}

TEST_F(FeedTest, PartsTextsAsTheStepTakesThem) {
  Session session = small_session(small_config(run_, {"train.batch_size=2", "train.accum_freq=2"}));
  session.feed->start({}, 1);
  const Batch batch = session.feed->next();
  ASSERT_EQ(batch.text_parts.size(), 2u);
  EXPECT_EQ(batch.text_parts[0].size() + batch.text_parts[1].size(), batch.texts.size());
  EXPECT_EQ(token_ids(batch.text_parts[0])[0], token_ids(batch.texts)[0]);
}

TEST_F(FeedTest, WhatTheLoaderThrowsComesWithItsBatch) {
  std::string table = SmallRun::table();
  const std::string last = SmallRun::image(23);
  table.replace(table.rfind(last), last.size(), FSC_TEST_DATA "/images/broken/text.jpg");
  run_.write("train.tsv", table);
  Session session = small_session(small_config(run_, {"data.shuffle=false", "data.max_bad_samples=0"}));
  session.feed->start({}, 12);
  for (int i = 0; i < 5; ++i) session.feed->next();
  const DataPlace place = session.feed->place();
  test::expect_error([&] { session.feed->next(); }, ExitCode::kFailed, {"text.jpg"});
  EXPECT_EQ(session.feed->place(), place);
}

TEST_F(FeedTest, NextBeforeStartIsABug) { EXPECT_THROW(small_session(small_config(run_)).feed->next(), c10::Error); }

}  // namespace
}  // namespace fsc
