// Tables as streams: one caption an image, and mixes of several sources.
#include <algorithm>
#include <set>

#include "data/detail_streams.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "stream_support.h"

namespace fsc {
namespace {
using namespace detail;
using test::expect_error;

using PairStreams = test::StreamTest;

TEST_F(PairStreams, EachCaptionIsASample) {
  data_.train = {table("a", 10, 5)};
  auto stream = open();
  EXPECT_EQ(stream->size(), 10);
  EXPECT_TRUE(stream->repeats_images());
  const auto first = epoch(*stream, 0);
  EXPECT_EQ(counts(first).size(), 10u);
  EXPECT_NE(first, epoch(*stream, 1));
  EXPECT_EQ(first, epoch(*stream, 0));
  stream->start(0);
  EXPECT_EQ(stream->next().listed.size(), 0u);
  column_ = "neg";
  EXPECT_EQ(open()->fingerprint(), stream->fingerprint());
  auto with_negatives = open();
  with_negatives->start(0);
  const RawSample raw = with_negatives->next();
  EXPECT_EQ(raw.listed, (NegativeTexts{"a not " + raw.caption.substr(1)}));
}

TEST_F(PairStreams, OneCaptionAnImageIsDrawnEachEpoch) {
  data_.train = {table("a", 20, 5)};
  data_.train[0].captions = CaptionChoice::kOne;
  data_.shuffle = false;
  auto stream = open();
  EXPECT_EQ(stream->size(), 4);
  EXPECT_FALSE(stream->repeats_images());
  std::set<std::string> of_first_image;
  for (uint64_t number = 0; number < 40; ++number) {
    const auto captions = epoch(*stream, number);
    ASSERT_EQ(captions.size(), 4u);
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(std::stoi(captions[i].substr(1)) / 5, static_cast<int>(i)) << "a caption of its image";
    of_first_image.insert(captions[0]);
  }
  EXPECT_EQ(of_first_image.size(), 5u);
}

TEST_F(PairStreams, StatesAreResumable) {
  data_.train = {table("a", 7)};
  expect_resumable(20);
}

TEST_F(PairStreams, ASecondPassHasOtherStreams) {
  data_.train = {table("a", 3)};
  data_.shuffle = false;
  auto stream = open();
  stream->start(0);
  const uint64_t first = stream->next().index;
  stream->next(), stream->next();
  const RawSample again = stream->next();
  EXPECT_EQ(again.caption, "a0");
  EXPECT_NE(again.index, first);
}

TEST(SampleIndex, IsTheRowInTheFirstPassOfTheFirstSource) {
  for (const uint64_t name : {uint64_t{0}, uint64_t{7}, (uint64_t{1} << 40) - 1, UINT64_MAX - 5})
    EXPECT_EQ(sample_index(name, 0, 0), name);
  EXPECT_EQ(sample_index(3, 5, 9), (uint64_t{9} << 50) + (uint64_t{5} << 40) + 3);
}

TEST(SampleIndex, NoTwoSamplesShareOne) {
  std::set<uint64_t> seen;
  size_t count = 0;
  for (const uint64_t name : {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 40) - 1, hash_text("shard/key")})
    for (const uint64_t source : {0, 1, 2, 3, 4, 1023, 1024, 2048})
      for (const uint64_t pass : {0, 1, 2, 3, 16383, 16384, 16385, 32768, 1 << 20})
        seen.insert(sample_index(name, source, pass)), ++count;
  EXPECT_EQ(seen.size(), count);
}

using Mixes = test::StreamTest;

TEST_F(Mixes, AnEpochHoldsEachSourcesShare) {
  data_.train = {table("a", 30), table("b", 10), table("c", 8)};
  data_.train[1].weight = 2;
  data_.train[2].weight = 0.5;
  auto stream = open();
  EXPECT_EQ(stream->size(), 30 + 20 + 4);
  for (uint64_t number = 0; number < 3; ++number) {
    const auto words = epoch(*stream, number);
    const auto found = counts(words);
    for (int i = 0; i < 30; ++i) EXPECT_EQ(found.at("a" + std::to_string(i)), 1);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(found.at("b" + std::to_string(i)), 2);
    EXPECT_EQ(std::count_if(words.begin(), words.end(), [](const std::string& word) { return word[0] == 'c'; }), 4);
    EXPECT_FALSE(std::is_sorted(words.begin(), words.end(), [](const std::string& x, const std::string& y) {
      return x[0] < y[0];
    })) << "mixed, not one after another";
  }
}

TEST_F(Mixes, HalfOfASourceChangesWithTheEpoch) {
  data_.train = {table("a", 40), table("b", 1)};
  data_.train[0].weight = 0.5;
  auto stream = open();
  std::set<std::string> seen;
  for (uint64_t number = 0; number < 12; ++number)
    for (const auto& word : epoch(*stream, number)) seen.insert(word);
  EXPECT_EQ(seen.size(), 41u) << "all of them in the long run";
}

TEST_F(Mixes, WithoutShufflingOneAfterAnother) {
  data_.train = {table("a", 3), table("b", 2)};
  data_.shuffle = false;
  auto stream = open();
  EXPECT_EQ(epoch(*stream, 0), (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1"}));
}

TEST_F(Mixes, SamplesOfDifferentSourcesHaveDifferentStreams) {
  data_.train = {table("a", 4), table("b", 4)};
  auto stream = open();
  stream->start(0);
  std::set<uint64_t> indices;
  std::map<uint32_t, int> sources;
  for (int i = 0; i < 8; ++i) {
    const RawSample raw = stream->next();
    indices.insert(raw.index);
    ++sources[raw.source];
    EXPECT_EQ(raw.caption[0], raw.source == 0 ? 'a' : 'b');
  }
  EXPECT_EQ(indices.size(), 8u);
  EXPECT_EQ(sources, (std::map<uint32_t, int>{{0, 4}, {1, 4}}));
}

TEST_F(Mixes, StatesAreResumable) {
  data_.train = {table("a", 9), table("b", 5)};
  data_.train[1].weight = 2;
  expect_resumable(30);
}

TEST_F(Mixes, FingerprintIsOfAll) {
  data_.train = {table("a", 4), table("b", 4)};
  const std::string before = open()->fingerprint();
  data_.train[1] = table("c", 4);
  EXPECT_NE(open()->fingerprint(), before);
}

}  // namespace
}  // namespace fsc
