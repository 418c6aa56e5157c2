// A small table over the test images, a tokenizer without a vocabulary, and batches compared bit by bit.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "fsc/data/loader.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "support/text_rows.h"

namespace fsc::test {

/// One id a word: SOT 1, EOT 2, then a hash. Throws for captions that hold "throw".
class WordTokenizer : public Tokenizer {
 public:
  std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report) const override {
    if (text.find("throw") != std::string_view::npos) throw std::runtime_error("the tokenizer failed");
    std::vector<int64_t> ids = {1};
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) ids.push_back(id(word));
    report->truncated = static_cast<int64_t>(ids.size()) + 1 > context_length;
    if (report->truncated) ids.resize(static_cast<size_t>(context_length) - 1);
    ids.push_back(2);
    return ids;
  }
  static int64_t id(const std::string& word) { return 3 + static_cast<int64_t>(std::hash<std::string>()(word) % 1000003); }
  int64_t vocab_size() const override { return 1000006; }
  int64_t pad_id() const override { return 0; }
  const std::string& fingerprint() const override { return name_; }

 private:
  std::string name_ = "words";
};

/// Stands still at the caption of row 13 until it may go on.
class HangingTokenizer : public WordTokenizer {
 public:
  std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report) const override {
    if (text.starts_with("row13 ") && !may_go_on_) {
      hangs = true;
      may_go_on_.wait(false);
    }
    return WordTokenizer::encode(text, context_length, report);
  }
  void go_on() {
    may_go_on_ = true;
    may_go_on_.notify_all();
  }
  mutable std::atomic<bool> hangs = false;

 private:
  std::atomic<bool> may_go_on_ = false;
};

/// A table whose row i is called "row<i>" in its caption, and the set-up of a loader over it.
class LoaderTest : public testing::Test {
 protected:
  static std::string image(size_t i) {
    static const char* names[] = {"rgb420.jpg", "rgb.png",     "lossy.webp", "grey.jpg",
                                  "cmyk.jpg",   "palette.png", "tall.jpg",   "rgba.png"};
    return std::string(FSC_TEST_DATA "/images/") + names[i % 8];
  }

  /// A row for each image; every third row has no negatives, the others two.
  void write_table(const std::vector<std::string>& images) {
    std::string text = "neg_caption\tfilepath\ttitle\n";
    for (size_t i = 0; i < images.size(); ++i) {
      const std::string name = "row" + std::to_string(i);
      text += (i % 3 ? "['" + name + " first', '" + name + " second word']" : std::string("[]")) + "\t" + images[i] + "\t" +
              name + " caption\n";
    }
    setup_.data.train[0].path = dir_.write("t.tsv", text);
  }
  static std::vector<std::string> images(size_t count) {
    std::vector<std::string> all;
    for (size_t i = 0; i < count; ++i) all.push_back(image(i));
    return all;
  }

  LoaderTest() {
    setup_.negatives.source = NegativeSource::kColumn;
    setup_.data.augmented = false;
    setup_.preprocess.size = 16;
    setup_.tokenizer = &tokenizer_;
    setup_.batch_size = 4;
    setup_.seed = 11;
    setup_.bad_samples_file = dir_ / "bad_samples.txt";
    write_table(images(22));
  }

  /// An epoch's number, or a place inside one.
  using From = std::variant<int64_t, DataPlace>;
  static DataPlace place_of(const Loader& loader, const From& from) {
    if (const auto* place = std::get_if<DataPlace>(&from)) return *place;
    const int64_t number = std::get<int64_t>(from);
    return {.batch = number * loader.batches_per_epoch(), .epoch = number};
  }
  /// As many batches as an epoch has, or `count`; `places` gets where the loader stands after each.
  static std::vector<Batch> epoch(Loader& loader, const From& from, int64_t count = -1,
                                  std::vector<DataPlace>* places = nullptr) {
    loader.start(place_of(loader, from));
    std::vector<Batch> batches;
    for (int64_t i = 0; i < (count < 0 ? loader.batches_per_epoch() : count); ++i) {
      batches.push_back(loader.next());
      if (places) places->push_back(loader.place());
    }
    return batches;
  }
  std::vector<Batch> fresh_epoch(const From& from, int64_t count = -1, std::vector<DataPlace>* places = nullptr) const {
    Loader loader(setup_);
    return epoch(loader, from, count, places);
  }

  /// "row<i>" of each caption of a batch, as numbers.
  static std::vector<int64_t> rows(const Batch& batch) {
    std::vector<int64_t> found;
    for (int64_t i = 0; i < batch.images.size(0); ++i) {
      const int64_t id = test::rectangle(batch.texts)[i][1].item<int64_t>();
      for (int64_t row = 0; row < 1000; ++row)
        if (WordTokenizer::id("row" + std::to_string(row)) == id) found.push_back(row);
    }
    return found;
  }
  static std::vector<int64_t> rows(const std::vector<Batch>& batches) {
    std::vector<int64_t> all;
    for (const auto& batch : batches)
      for (const int64_t row : rows(batch)) all.push_back(row);
    return all;
  }

  TempDir dir_;
  WordTokenizer tokenizer_;
  LoaderSetup setup_;
};

inline void expect_same(const Batch& a, const Batch& b) {
  EXPECT_TRUE(torch::equal(a.images, b.images));
  EXPECT_EQ(token_ids(a.texts), token_ids(b.texts));
  EXPECT_TRUE(torch::equal(a.texts.tokens_V, b.texts.tokens_V));
  EXPECT_TRUE(torch::equal(a.roles.owner_R, b.roles.owner_R));
  EXPECT_TRUE(torch::equal(a.roles.captions_B(), b.roles.captions_B()));
  EXPECT_TRUE(torch::equal(a.roles.negatives_BN(), b.roles.negatives_BN()));
  EXPECT_EQ(a.keys, b.keys);
}

inline void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    SCOPED_TRACE("batch " + std::to_string(i));
    expect_same(a[i], b[i]);
  }
}

}  // namespace fsc::test
