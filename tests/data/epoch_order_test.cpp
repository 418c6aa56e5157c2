// Places of an epoch's order, and runs that find theirs again however far ahead the stream had been read.
#include "data/detail_epoch_order.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"

namespace fsc {
namespace {
using namespace detail;

/// Sample i of epoch e has the index 1000 e + i; its state is that number.
class Counting : public SampleStream {
 public:
  int64_t size() const override { return 1000; }
  std::string fingerprint() const override { return ""; }
  bool repeats_images() const override { return false; }
  void start(uint64_t epoch) override { next_ = 1000 * epoch; }
  RawSample next() override {
    RawSample raw;
    raw.index = next_++;
    ++reads;
    return raw;
  }
  std::string state() const override { return std::to_string(next_); }
  void restore(const std::string& state) override { next_ = std::stoull(state); }
  StreamSeconds seconds() const override { return {static_cast<double>(reads), 0}; }

  int64_t reads = 0;

 private:
  uint64_t next_ = 0;
};

/// Reads places until `end`; the indices of those that are wanted.
std::vector<int64_t> read(EpochOrder& order, int64_t begin, int64_t end) {
  std::vector<int64_t> found;
  for (int64_t draw = begin; draw < end; ++draw)
    if (const auto raw = order.read(draw)) found.push_back(static_cast<int64_t>(raw->index));
  return found;
}

TEST(EpochOrder, BeginsAtTheBeginning) {
  Counting stream;
  EpochOrder order(stream, 4);
  for (const int64_t epoch : {0, 3}) {
    const OrderPlace at = order.start(static_cast<uint64_t>(epoch));
    EXPECT_EQ(at.next, 0);
    EXPECT_TRUE(at.waiting.empty());
    EXPECT_EQ(order.first(), 0);
    EXPECT_EQ(read(order, 0, 3), (std::vector<int64_t>{1000 * epoch, 1000 * epoch + 1, 1000 * epoch + 2}));
  }
  EXPECT_EQ(order.seconds().read, 6);
}

TEST(EpochOrder, AStateDoesNotDependOnWhatWasReadAhead) {
  std::string expected;
  for (const int64_t ahead : {9, 10, 12, 13, 40}) {
    Counting stream;
    EpochOrder order(stream, 4);
    order.start(1);
    read(order, 0, ahead);
    const OrderPlace at{9, {6}};
    order.forget_before(at);
    const std::string state = order.state(at);
    if (expected.empty()) expected = state;
    EXPECT_EQ(state, expected) << ahead;
  }
  EXPECT_EQ(expected, R"({"draw":9,"from":4,"stream":"1004","waiting":[6]})") << "the newest snapshot before all that is wanted";
}

TEST(EpochOrder, GoesOnWithWhatWaitsAndWhatIsNew) {
  Counting stream;
  EpochOrder order(stream, 4);
  order.start(2);
  read(order, 0, 30);
  const OrderPlace at{19, {5, 10}};
  order.forget_before(at);
  const std::string state = order.state(at);

  Counting fresh;
  EpochOrder again(fresh, 4);
  const OrderPlace there = again.start(2, state);
  EXPECT_EQ(there.next, 19);
  EXPECT_EQ(there.waiting, at.waiting);
  EXPECT_EQ(again.first(), 4);
  EXPECT_EQ(again.state(there), state) << "nothing has moved yet";
  EXPECT_EQ(read(again, again.first(), 22), (std::vector<int64_t>{2005, 2010, 2019, 2020, 2021}));
  const OrderPlace later{21, {10}};
  order.forget_before(later);
  again.forget_before(later);
  EXPECT_EQ(again.state(later), order.state(later));
}

TEST(EpochOrder, ANewEpochForgetsTheOld) {
  Counting stream;
  EpochOrder order(stream, 4);
  order.start(0, R"({"draw":9,"from":4,"stream":"4","waiting":[6]})");
  read(order, 4, 20);
  order.start(1);
  EXPECT_EQ(order.first(), 0);
  EXPECT_EQ(read(order, 0, 2), (std::vector<int64_t>{1000, 1001})) << "nothing is passed over";
  EXPECT_EQ(order.state({2, {}}), R"({"draw":2,"from":0,"stream":"1000","waiting":[]})");
}

TEST(EpochOrder, AStateThatCannotBeRead) {
  Counting stream;
  EpochOrder order(stream, 4);
  for (const char* state : {"nonsense", "{}", R"({"draw":1})", R"({"draw":"x","from":0,"stream":"0","waiting":[]})"})
    test::expect_error([&] { order.start(0, state); }, ExitCode::kFailed, {"the loader's place in the data cannot be read"});
}

}  // namespace
}  // namespace fsc
