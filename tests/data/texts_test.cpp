// A further kind of text goes from its producer to rows of the batch, and the rules of a batch follow what it is to the image.
#include "data/detail_batch_builder.h"
#include "loader_support.h"
#include "support/expect_error.h"
#include "support/text_rows.h"

namespace fsc {
namespace {
using namespace detail;

/// Caption and negatives as they are, and beside them a text that says the caption's first word and what was drawn for the
/// sample.
class Texts : public test::LoaderTest {
 protected:
  Texts() { setup_.negatives.sample = NegativeSample::kAll, setup_.negatives.per_caption = 2; }

  static TextProducer toy(Truth truth) {
    return {.group = "toys", .truth = truth, .make = [](const TextRequest& sample) -> std::vector<std::optional<std::string>> {
              const std::string word = sample.raw.caption.substr(0, sample.raw.caption.find(' '));
              if (sample.raw.index == 1) return {std::nullopt, word};
              return {"toy " + std::to_string(sample.epoch), word};
            }};
  }
  SampleMaker maker(Truth truth) const {
    auto producers = make_text_producers(setup_);
    producers.push_back(toy(truth));
    return SampleMaker(setup_, producers);
  }
  static RawSample raw(uint64_t index, const std::string& caption, const NegativeTexts& listed = {}) {
    return {.index = index,
            .key = caption,
            .image = index,
            .image_file = image(index),
            .image_bytes = {},
            .caption = caption,
            .listed = listed,
            .problem = {}};
  }
  static TokenIds words(const std::string& text) {
    EncodeReport report;
    return test::WordTokenizer().encode(text, 77, &report);
  }
  static Placed place(Made made) {
    PlaceRecord record = PlaceRecord::of(made, 0);
    return {std::move(record), std::move(made)};
  }
  Activity activity_;
};

TEST_F(Texts, TheRunHasCaptionsAndNegatives) {
  const auto producers = make_text_producers(setup_);
  ASSERT_GE(producers.size(), 2u);
  EXPECT_EQ(producers[0].group, kCaptions);
  EXPECT_EQ(producers[1].group, kNegatives);
  LoaderStats counts;
  const RawSample sample = raw(0, "", {"x", "", std::nullopt});
  const auto make = [&](size_t i) { return producers[i].make({sample, 1, 0, counts}); };
  EXPECT_EQ(make(0), (std::vector<std::optional<std::string>>{""})) << "an empty caption is one all the same";
  EXPECT_EQ(make(1), (std::vector<std::optional<std::string>>{"x", std::nullopt})) << "an empty negative is none";
}

TEST_F(Texts, AGroupThatNobodyMakesIsRefused) {
  setup_.groups = {"rhymes"};
  test::expect_error([&] { make_text_producers(setup_); }, ExitCode::kUsage, {"group rhymes", "no kind of text"});
}

TEST_F(Texts, AFurtherKindComesIntoTheBatch) {
  const SampleMaker samples = maker(Truth::kOpen);
  BatchBuilder builder(0, 1);
  builder.add(place(samples.make(raw(0, "dogs run", {"cats run"}), 3, activity_)));
  builder.add(place(samples.make(raw(1, "birds fly"), 3, activity_)));
  LoaderStats counts;
  const Batch batch = collate(builder.take(counts));
  const auto text = [&](int64_t row) { return test::rectangle(batch.texts)[row]; };
  ASSERT_EQ(batch.texts.size(), 2 + 1 + 3);
  EXPECT_TRUE(torch::equal(batch.roles.negatives_BN(), torch::tensor({{2, -1}, {-1, -1}})));
  const torch::Tensor toys_BN = batch.roles.rows_BN("toys");
  EXPECT_TRUE(torch::equal(toys_BN, torch::tensor({{3, 4}, {-1, 5}}))) << toys_BN;
  EXPECT_TRUE(torch::equal(text(3), torch::tensor(words("toy 3"))));
  EXPECT_EQ(text(4)[1].item<int64_t>(), words("dogs")[1]);
  EXPECT_EQ(text(5)[1].item<int64_t>(), words("birds")[1]);
  EXPECT_EQ(counts.negatives, 1) << "toys are none";
}

TEST_F(Texts, RightTextsKeepSamplesApart) {
  for (const Truth truth : {Truth::kOpen, Truth::kRight, Truth::kWrong}) {
    const SampleMaker samples = maker(truth);
    BatchBuilder builder(0, 1);
    builder.add(place(samples.make(raw(1, "dogs run"), 0, activity_)));
    EXPECT_EQ(builder.collides(PlaceRecord::of(samples.make(raw(2, "Dogs bark"), 0, activity_), 0)), truth == Truth::kRight);
    EXPECT_TRUE(builder.collides(PlaceRecord::of(samples.make(raw(3, "DOGS  run."), 0, activity_), 0))) << "the caption";
    EXPECT_TRUE(builder.collides(PlaceRecord::of(samples.make(raw(1, "another"), 0, activity_), 0))) << "the image";
    EXPECT_FALSE(builder.collides(PlaceRecord::of(samples.make(raw(4, "cats run"), 0, activity_), 0)))
        << "missing texts are equal to nothing";
  }
}

TEST_F(Texts, WrongTextsAreDroppedWhereTheyAreRightOnes) {
  const SampleMaker samples = maker(Truth::kWrong);
  BatchBuilder builder(0, 1);
  builder.add(place(samples.make(raw(1, "dogs", {"cats run", "no"}), 0, activity_)));
  builder.add(place(samples.make(raw(2, "cats run", {"no"}), 0, activity_)));
  EXPECT_EQ(builder.drop_wrong_texts_that_are_right(), 2) << "the toy that is its own caption, the negative that is the other's";
  LoaderStats counts;
  const auto taken = builder.take(counts);
  EXPECT_EQ(taken[0].texts[1].slots[0], std::nullopt);
  EXPECT_EQ(taken[0].texts[1].slots[1], words("no"));
  EXPECT_EQ(taken[0].texts[2].slots[1], std::nullopt);
  EXPECT_EQ(taken[1].texts[2].slots[1], words("cats"));
  EXPECT_EQ(counts.negatives, 4);
}

}  // namespace
}  // namespace fsc
