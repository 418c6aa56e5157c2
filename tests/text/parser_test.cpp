// The parser with random networks: whatever the scores, each text ends in a forest of known moves.
#include "text/detail_parser.h"

#include <gtest/gtest.h>

#include "fsc/core/rng.h"
#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

std::vector<float> random_floats(Rng& rng, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

const std::vector<Move> kMoves{{Action::kShift, kNoName, kNoName},
                               {Action::kReduce, kNoName, kNoName},
                               {Action::kLeft, 0, kNoName},
                               {Action::kRight, 0, kNoName},
                               {Action::kRight, 1, 0},
                               {Action::kBreak, 0, kNoName}};

test::ByteWriter random_network(uint64_t seed) {
  Rng rng({seed});
  test::ByteWriter bytes;
  const auto affine = [&](uint32_t inputs, uint32_t columns) {
    bytes.u32(inputs).u32(columns).floats(random_floats(rng, inputs * columns)).floats(random_floats(rng, columns));
  };
  affine(96, 64);
  affine(64, 1024);
  bytes.floats(random_floats(rng, 128)).floats(random_floats(rng, 1024));
  affine(64, 32);
  return bytes;
}

TEST(Parser, AlwaysEndsInAForest) {
  Rng rng({3});
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto bytes = random_network(seed);
    Reader reader = bytes.reader();
    const Parser parser(reader, kMoves);
    reader.expect_end();
    for (const size_t words : {0, 1, 2, 5, 30, 200}) {
      const auto vectors = random_floats(rng, words * kWidth);
      const Parse parse = parser.parse(vectors.data(), words);
      ASSERT_EQ(parse.heads.size(), words);
      ASSERT_EQ(parse.moves.size(), words);
      for (size_t i = 0; i < words; ++i) {
        const bool root = parse.heads[i] == static_cast<int>(i);
        ASSERT_EQ(root, parse.moves[i] < 0);
        if (!root) {
          const Action action = kMoves.at(static_cast<size_t>(parse.moves[i])).action;
          ASSERT_EQ(action, parse.heads[i] > static_cast<int>(i) ? Action::kLeft : Action::kRight);
        }
        size_t steps = 0;
        for (size_t at = i; parse.heads[at] != static_cast<int>(at); at = static_cast<size_t>(parse.heads[at]))
          ASSERT_LT(++steps, words);
      }
    }
  }
}

TEST(Parser, RefusesAnotherNumberOfMoves) {
  const auto bytes = random_network(1);
  Reader reader = bytes.reader();
  test::expect_error([&] { Parser(reader, std::vector<Move>(33, kMoves[0])); }, ExitCode::kFailed,
                     {"a matrix of 64 x 32 where 64 x 64 belongs"});
}

}  // namespace
}  // namespace fsc::detail
