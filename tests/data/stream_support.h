// Streams over small made-up data, without decoding.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "fsc/data/sample_stream.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc::test {

class StreamTest : public testing::Test {
 protected:
  StreamTest() { data_.train.clear(); }

  std::unique_ptr<SampleStream> open(int64_t rank = 0, int64_t world = 1) {
    missing_.clear();
    return open_stream_of({&data_, column_, 5, rank, world}, missing_);
  }

  /// Captions of the next `count` places.
  static std::vector<std::string> captions(SampleStream& stream, int64_t count) {
    std::vector<std::string> all;
    for (int64_t i = 0; i < count; ++i) all.push_back(stream.next().caption);
    return all;
  }
  static std::vector<std::string> epoch(SampleStream& stream, uint64_t number) {
    stream.start(number);
    return captions(stream, stream.size());
  }
  static std::map<std::string, int> counts(const std::vector<std::string>& words) {
    std::map<std::string, int> found;
    for (const auto& word : words) ++found[word];
    return found;
  }

  /// A table of `rows` rows "<name><i>", all with an image that is there; `per_image` rows share one.
  TrainSourceConfig table(const std::string& name, int rows, int per_image = 1) {
    std::string text = "filepath\ttitle\tneg\n";
    for (int i = 0; i < rows; ++i) {
      const std::string image = name + std::to_string(i / per_image) + ".jpg";
      dir_.write(image, "x");
      text += image + "\t" + name + std::to_string(i) + "\t['" + name + " not " + std::to_string(i) + "']\n";
    }
    TrainSourceConfig source;
    source.path = dir_.write(name + ".tsv", text);
    return source;
  }

  /// The stream goes on from each of its states as if it had never stopped.
  void expect_resumable(int64_t places, int64_t rank = 0, int64_t world = 1) {
    auto stream = open(rank, world);
    stream->start(1);
    std::vector<std::string> states, all;
    for (int64_t i = 0; i < places; ++i) {
      states.push_back(stream->state());
      const RawSample raw = stream->next();
      all.push_back(raw.key + "|" + raw.caption + "|" + std::to_string(raw.index) + "|" + raw.problem.substr(0, 1));
    }
    auto again = open(rank, world);
    for (int64_t from = 0; from < places; from += 3) {
      again->start(1);
      again->restore(states[static_cast<size_t>(from)]);
      for (int64_t i = from; i < places; ++i) {
        const RawSample raw = again->next();
        ASSERT_EQ(raw.key + "|" + raw.caption + "|" + std::to_string(raw.index) + "|" + raw.problem.substr(0, 1),
                  all[static_cast<size_t>(i)])
            << "from " << from << " at " << i;
      }
    }
  }

  TempDir dir_;
  DataConfig data_;
  std::string column_;
  std::vector<RawSample> missing_;
};

}  // namespace fsc::test
