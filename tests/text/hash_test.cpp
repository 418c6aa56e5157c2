// The hashes against numbers that spaCy (hash_string) and thinc (NumpyOps.hash) give.
#include "text/detail_hash.h"

#include <gtest/gtest.h>

namespace fsc::detail {
namespace {

TEST(WordHash, IsSpacys) {
  EXPECT_EQ(word_hash("a"), 0xA52BE5B3F6674B2A);
  EXPECT_EQ(word_hash("dog"), 0x68F51D95EED77528);
  EXPECT_EQ(word_hash("verbverb"), 0x76161451AF85080C);
  EXPECT_EQ(word_hash("nine bytes"), 0x5A85A7F190B425BB);
  EXPECT_EQ(word_hash("日本語"), 0x1BBB64A5B6092E04);
}

TEST(RowHash, IsThincs) {
  using Rows = std::array<uint32_t, 4>;
  EXPECT_EQ(row_hash(5, 8), (Rows{1797445366, 4269458499, 548684401, 4256704101}));
  EXPECT_EQ(row_hash(12345678901234567890U, 8), (Rows{825681028, 3746740173, 3386005190, 3472626611}));
  EXPECT_EQ(row_hash(0, 13), (Rows{1041741114, 1039425791, 1457952615, 394743738}));
}

}  // namespace
}  // namespace fsc::detail
