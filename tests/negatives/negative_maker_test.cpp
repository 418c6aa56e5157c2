// NegativeMaker: where the negatives of a sample come from, how slots are filled, and what their draws depend on.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "fsc/core/error.h"
#include "negatives/captions.h"

namespace fsc {
namespace {

using Key = NegativeMaker::Key;
const NegativeTexts kListed = {"one", std::nullopt, "two", "", "three"};
const std::string kCaption = "A small dog chases two cats over the green lawn.";

NegativeTexts make(const NegativesConfig& config, const NegativeTexts& listed, const Key& key = {1, 0, 0}) {
  return NegativeMaker(config).make(kCaption, listed, key);
}

NegativesConfig generate(std::vector<std::string> kinds, int64_t per_caption = 0) {
  NegativesConfig config;
  config.source = NegativeSource::kGenerate;
  config.per_caption = per_caption ? per_caption : static_cast<int64_t>(kinds.size());
  config.kinds = std::move(kinds);
  return config;
}

TEST(NegativeMaker, NoSourceNoNegatives) { EXPECT_TRUE(make({}, kListed).empty()); }

TEST(NegativeMaker, OneIsDrawnEvenlyAmongThoseThatExist) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kOne};
  std::map<std::string, int> counts;
  for (uint64_t index = 0; index < 3000; ++index) {
    const auto made = make(config, kListed, {7, 0, index});
    ASSERT_EQ(made.size(), 1u);
    ++counts[made[0].value()];
  }
  test::expect_law(counts, {{"one", 1. / 3}, {"two", 1. / 3}, {"three", 1. / 3}});
}

TEST(NegativeMaker, TheDrawOfOneIsPartOfARunsIdentity) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kOne};
  for (uint64_t index = 0; index < 100; ++index) {
    Rng rng = Rng::of(3, 2, index, Stream::kNegatives);
    EXPECT_EQ(make(config, kListed, {3, 2, index})[0], rng.pick(std::vector<std::string>{"one", "two", "three"}));
  }
}

TEST(NegativeMaker, OneOfNothingIsAMissingOne) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kOne};
  for (const auto& listed : {NegativeTexts{}, NegativeTexts{std::nullopt, ""}})
    EXPECT_EQ(make(config, listed), NegativeTexts{std::nullopt});
}

TEST(NegativeMaker, AllArePaddedOrCutToPerCaption) {
  NegativesConfig config{.source = NegativeSource::kColumn, .per_caption = 7, .sample = NegativeSample::kAll};
  auto padded = kListed;
  padded.resize(7);
  EXPECT_EQ(make(config, kListed, {1, 0, 0}), padded);
  EXPECT_EQ(make(config, kListed, {2, 3, 4}), padded) << "nothing is drawn";
  config.per_caption = 2;
  EXPECT_EQ(make(config, kListed), (NegativeTexts{"one", std::nullopt}));
  EXPECT_EQ(make(config, {}), (NegativeTexts{std::nullopt, std::nullopt}));
}

TEST(NegativeMaker, OneOfEachKindByDefault) {
  NegativesConfig config;
  config.source = NegativeSource::kGenerate;
  const NegativeMaker maker(config);
  MadeReport report;
  const auto made = maker.make(kCaption, kListed, {1, 0, 0}, &report);
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(report.kinds, (std::vector<std::string_view>{"swap", "replace", "shuffle"}));
  EXPECT_GT(report.analysis_seconds, 0);
  EXPECT_GT(report.generation_seconds, 0);
  const auto caption = test::analyse(kCaption);
  EXPECT_TRUE(test::support(*make_swap(test::text_model()), caption).contains(made[0].value()));
  EXPECT_TRUE(test::support(*make_replace(test::text_model()), caption).contains(made[1].value()));
  EXPECT_TRUE(made[2].has_value());
  EXPECT_EQ(maker.make(kCaption, {}, {1, 0, 0}), made) << "the column is not looked at";
  const double before = report.analysis_seconds;
  maker.make(kCaption, {}, {1, 0, 1}, &report);
  EXPECT_GT(report.analysis_seconds, before) << "times add up";
  EXPECT_EQ(report.kinds.size(), 3u) << "kinds are the last caption's";
}

TEST(NegativeMaker, AKindsDrawsDoNotDependOnTheOthers) {
  const auto three = make(generate({"swap", "replace", "shuffle"}), {});
  EXPECT_EQ(make(generate({"shuffle", "replace", "swap"}), {}), (NegativeTexts{three[2], three[1], three[0]}));
  EXPECT_EQ(make(generate({"replace"}), {}), NegativeTexts{three[1]});
  const auto turns = make(generate({"swap", "replace", "shuffle"}, 6), {});
  EXPECT_EQ(NegativeTexts(turns.begin(), turns.begin() + 3), three);
  EXPECT_EQ(make(generate({"replace"}, 2), {})[1], turns[4]) << "the second of its kind, whatever stands between";
}

TEST(NegativeMaker, SeedEpochAndIndexMatter) {
  const NegativeMaker maker(generate({"replace"}));
  std::set<std::optional<std::string>> texts;
  for (const Key& key : {Key{1, 0, 0}, Key{2, 0, 0}, Key{1, 1, 0}, Key{1, 0, 1}}) texts.insert(maker.make(kCaption, {}, key)[0]);
  EXPECT_EQ(texts.size(), 4u);
}

TEST(NegativeMaker, WhatASeedDrawsStaysTheSame) {
  // Part of a run's identity: a run resumed with a newer build would change with it.
  EXPECT_EQ(
      make(generate({"swap", "replace", "shuffle", "svlc"}), {}, {0, 0, 0}),
      (NegativeTexts{
          "A small lawn chases two cats over the green dog.", "A small dog oeil de boeuf two cats over the green lawn.",
          ". green lawn A small over the two cats dog chases", "A small refrigerator chases two cats over the green lawn."}));
}

TEST(NegativeMaker, TwoKindsMayMakeTheSameText) {
  // Swapped adjectives are also the pairs "a black" and "a little" exchanged; the official code does not compare the two.
  const NegativeMaker both(generate({"swap", "shuffle"})), shuffle(generate({"shuffle"}));
  const std::string caption = "a black dog chases a little cat";
  int same = 0;
  for (uint64_t index = 0; index < 1000; ++index) {
    const auto made = both.make(caption, {}, {1, 0, index});
    EXPECT_EQ(made[1], shuffle.make(caption, {}, {1, 0, index})[0]);
    same += made[0].has_value() && made[0] == made[1];
  }
  EXPECT_GT(same, 0);
}

TEST(NegativeMaker, AKindNeverMakesTheSameTextTwice) {
  // Only one text can be made by swap, two by shuffle.
  const NegativeMaker maker(generate({"swap"}, 3));
  const auto made = maker.make("A dog chases a cat.", {}, {1, 0, 0});
  EXPECT_EQ(made, (NegativeTexts{"A cat chases a dog.", std::nullopt, std::nullopt}));
  for (uint64_t index = 0; index < 50; ++index) {
    auto texts = NegativeMaker(generate({"replace"}, 8)).make(kCaption, {}, {1, 0, index});
    std::sort(texts.begin(), texts.end());
    EXPECT_EQ(std::adjacent_find(texts.begin(), texts.end()), texts.end());
  }
}

TEST(NegativeMaker, WeightsDrawTheKindOfEachSlot) {
  auto config = generate({"swap", "replace", "shuffle"}, 2);
  config.weights = {1, 0, 3};
  const NegativeMaker maker(config);
  std::map<std::string, int> counts;
  for (uint64_t index = 0; index < 1000; ++index) {
    MadeReport report;
    maker.make(kCaption, {}, {1, 0, index}, &report);
    ASSERT_EQ(report.kinds.size(), 2u);
    ++counts[std::string(report.kinds[0]) + " " + std::string(report.kinds[1])];
  }
  test::expect_law(counts,
                   {{"swap swap", 1. / 16}, {"swap shuffle", 3. / 16}, {"shuffle swap", 3. / 16}, {"shuffle shuffle", 9. / 16}});
}

TEST(NegativeMaker, AFallbackHelpsOnlyWhereNothingWasMade) {
  auto config = generate({"swap"});
  config.fallback = {"replace", "shuffle"};
  const NegativeMaker maker(config), without(generate({"swap"}));
  MadeReport report;
  EXPECT_EQ(without.make("A dog sleeps outside.", {}, {1, 0, 0}), NegativeTexts{std::nullopt});
  const auto made = maker.make("A dog sleeps outside.", {}, {1, 0, 0}, &report);
  ASSERT_TRUE(made[0]) << "replace finds nothing either, shuffle does";
  EXPECT_EQ(report.kinds, std::vector<std::string_view>{"shuffle"});
  EXPECT_EQ(made, NegativeMaker(generate({"shuffle"})).make("A dog sleeps outside.", {}, {1, 0, 0}));
  EXPECT_EQ(maker.make(kCaption, {}, {1, 0, 0}), without.make(kCaption, {}, {1, 0, 0}));
  EXPECT_EQ(maker.make("dog", {}, {1, 0, 0}, &report), NegativeTexts{std::nullopt});
  EXPECT_EQ(report.kinds, std::vector<std::string_view>{"swap"});
}

TEST(NegativeMaker, ThreadsAndOrderDoNotMatter) {
  const NegativeMaker maker(generate({"swap", "replace", "shuffle", "svlc"}));
  const std::vector<std::string> captions = {
      kCaption, "A man in a red hat rides a brown horse along the beach.", "Two women cook soup in a small kitchen", "",
      "dog",    "Five black birds sit on a wire above the old street ."};
  const auto all = [&](size_t threads) {
    std::vector<NegativeTexts> made(600);
    std::vector<std::jthread> workers;
    for (size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (size_t i = made.size() - 1 - t; i < made.size(); i -= threads)
          made[i] = maker.make(captions[i % captions.size()], {}, {5, 1, i});
      });
    }
    workers.clear();
    return made;
  };
  const auto one = all(1);
  EXPECT_EQ(all(4), one);
  EXPECT_EQ(all(16), one);
}

TEST(NegativeMaker, CaptionsTogetherGiveWhatEachGivesAlone) {
  const NegativeMaker maker(generate({"swap", "replace", "shuffle"}));
  const std::vector<std::string> captions = {kCaption, "", "A man in a red hat rides a brown horse along the beach.", "dog",
                                             kCaption};
  std::vector<NegativeMaker::Request> requests;
  std::vector<MadeReport> reports(captions.size());
  for (size_t i = 0; i < captions.size(); ++i) requests.push_back({captions[i], {4, 2, i}, &reports[i]});
  const auto made = maker.generate(requests);
  ASSERT_EQ(made.size(), captions.size());
  for (size_t i = 0; i < captions.size(); ++i) {
    EXPECT_EQ(made[i], maker.make(captions[i], {}, {4, 2, i})) << i;
    EXPECT_EQ(reports[i].kinds.size(), 3u);
    EXPECT_GT(reports[i].analysis_seconds, 0);
  }
  EXPECT_TRUE(maker.generate({}).empty());
  EXPECT_THROW(NegativeMaker({}).generate(requests), std::logic_error);
}

TEST(NegativeMaker, MistakesOfACallerAreRefused) {
  EXPECT_THROW(NegativeMaker(generate({"swpa"})), UsageError);
  auto config = generate({"swap"});
  config.weights = {1, 2};
  EXPECT_THROW(NegativeMaker{config}, UsageError);
}

TEST(NormalizedCaption, IgnoresCaseBlanksAndFinalMarks) {
  EXPECT_EQ(normalized_caption("A man's  dog ."), normalized_caption("a man 's dog"));
  EXPECT_EQ(normalized_caption("A dog!?"), normalized_caption("a dog"));
  EXPECT_EQ(normalized_caption("ÉCOLE"), normalized_caption("école"));
  EXPECT_NE(normalized_caption("a dog, a cat"), normalized_caption("a dog a cat"));
  EXPECT_EQ(normalized_caption(" . "), "");
  EXPECT_EQ(normalized_caption(""), "");
}

}  // namespace
}  // namespace fsc
