// Cells are quoted only where a reader would take them apart.
#include "fsc/core/csv.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

TEST(CsvCell, QuotesWhatWouldEndACell) {
  EXPECT_EQ(csv_cell("", ','), "");
  EXPECT_EQ(csv_cell("a dog; a cat", ','), "a dog; a cat");
  EXPECT_EQ(csv_cell("a,b", ','), "\"a,b\"");
  EXPECT_EQ(csv_cell("a,b", '\t'), "a,b");
  EXPECT_EQ(csv_cell("a\tb", '\t'), "\"a\tb\"");
  EXPECT_EQ(csv_cell("say \"no\"", '\t'), "\"say \"\"no\"\"\"");
  EXPECT_EQ(csv_cell("two\nlines", ','), "\"two\nlines\"");
  EXPECT_EQ(csv_cell("a\r", ','), "\"a\r\"");
}

}  // namespace
}  // namespace fsc
