// Separated values as RFC 4180 has them, and the messages of what is no table.
#include "fsc/data/table.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;
using Rows = std::vector<std::vector<std::string>>;

Table parse(const std::string& text, char separator = ',') {
  const TempDir dir;
  return read_table(dir.write("t.csv", text), separator);
}

void expect_bad(const std::string& text, const std::vector<std::string>& parts) {
  expect_error([&] { parse(text); }, ExitCode::kFailed, parts);
}

TEST(Table, PlainCells) {
  const Table table = parse("title,filepath\na dog,1.jpg\n,\n");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"title", "filepath"}));
  EXPECT_EQ(table.rows, (Rows{{"a dog", "1.jpg"}, {"", ""}}));
  EXPECT_EQ(table.lines, (std::vector<size_t>{2, 3}));
}

TEST(Table, EveryLineEnding) {
  const Rows rows = {{"1", "2"}, {"3", "4"}};
  for (const char* text : {"a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r\n1,2\n3,4\r",
                           "\xEF\xBB\xBF"
                           "a,b\n1,2\n3,4\n",
                           "\xEF\xBB\xBF\"a\",\"b\"\r\n\"1\",\"2\"\r\n\"3\",\"4\"\r\n"}) {
    const Table table = parse(text);
    EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b"})) << text;
    EXPECT_EQ(table.rows, rows) << text;
  }
}

TEST(Table, Quotes) {
  const Table table = parse(
      "a,b\n"
      "\"with, comma\",\"with \"\"quotes\"\"\"\n"
      "\"two\nlines\",\"\"\r\n"
      "\"crlf\r\ninside\",\"\"\"\"\n"
      "in the \"middle\",\"closed\" early\n"
      "tab\tand space , kept \n");
  EXPECT_EQ(table.rows, (Rows{{"with, comma", "with \"quotes\""},
                              {"two\nlines", ""},
                              {"crlf\r\ninside", "\""},
                              {"in the \"middle\"", "closed early"},
                              {"tab\tand space ", " kept "}}));
  EXPECT_EQ(table.lines, (std::vector<size_t>{2, 3, 5, 7, 8})) << "lines of the file, not rows";
}

TEST(Table, Tabs) {
  const Table table = parse("a\tb\nx, y\t\"t\tt\"\n", '\t');
  EXPECT_EQ(table.rows, (Rows{{"x, y", "t\tt"}}));
}

TEST(Table, OddBytesPassThrough) {
  const std::string odd("\xFF\0\x80\r ", 5);
  EXPECT_EQ(parse("a,b\n" + odd + ",é\n").rows, (Rows{{odd, "é"}})) << "a lone carriage return ends no line";
}

TEST(Table, BlankLinesAreSkipped) {
  const Table table = parse("a,b\n\n1,2\n\r\n\n3,4\n\n");
  EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"3", "4"}}));
  EXPECT_EQ(table.lines, (std::vector<size_t>{3, 6}));
}

TEST(Table, WhatIsNoTable) {
  expect_bad("", {"t.csv is empty"});
  expect_bad("\xEF\xBB\xBF", {"t.csv is empty"});
  expect_bad("a,b\n", {"t.csv", "no rows"});
  expect_bad("a,b\n\n\n", {"t.csv", "no rows"});
  expect_bad("a,b\n1,2\n1,2,3\n", {"t.csv:3", "has 3 cells, the first line has 2"});
  expect_bad("a,b\n1\t2\n", {"t.csv:2", "has 1 cells, the first line has 2", "data.train.format"});
  expect_bad("a,b\n\"x\ny\",2\n\"open,3\n4,5\n", {"t.csv:4", "never ends"});
  expect_bad("\"a,b\n", {"t.csv:1", "never ends"});
  const TempDir dir;
  expect_error([&] { read_table(dir / "none.csv", ','); }, ExitCode::kFailed, {"none.csv", "No such file"});
  expect_error([&] { read_table(dir.path(), ','); }, ExitCode::kFailed, {dir.path(), "folder"});
}

TEST(Table, AMillionBytesOfQuotesEnd) {
  EXPECT_EQ(parse("a\n\"" + std::string(1000000, '"') + "\"\n").rows[0][0], std::string(500000, '"'));
  expect_bad("a\n" + std::string(1000001, '"'), {"t.csv:2", "never ends"});
}

SourceConfig source_of(const fs::path& path, SourceFormat format = SourceFormat::kTsv) {
  SourceConfig source;
  source.path = path;
  source.format = format;
  return source;
}

TEST(Pairs, ColumnsInAnyOrderAndUnderAnyName) {
  const TempDir dir;
  const auto path = dir.write("t.csv", "neg,image,id,text\n[],x/1.jpg,7,\"a dog, running\"\n\"[\"\"n\"\"]\",/abs/2.jpg,8,b\n");
  SourceConfig source = source_of(path, SourceFormat::kCsv);
  source.image_column = "image";
  source.caption_column = "text";
  const auto pairs = read_pairs(source, "neg");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].image, dir / "x/1.jpg");
  EXPECT_EQ(pairs[0].key, "x/1.jpg");
  EXPECT_EQ(pairs[0].caption, "a dog, running");
  EXPECT_EQ(pairs[0].negatives, NegativeTexts());
  EXPECT_EQ(pairs[0].place, ":2");
  EXPECT_EQ(pairs[1].image, "/abs/2.jpg") << "an absolute path stays";
  EXPECT_EQ(pairs[1].negatives, (NegativeTexts{"n"}));
  EXPECT_EQ(read_pairs(source)[1].negatives, NegativeTexts());
}

TEST(Pairs, NegativesThatAreNoListNameTheirPlace) {
  const TempDir dir;
  const auto path = dir.write("t.tsv", "filepath\ttitle\tneg\na.jpg\ta\t[]\nb.jpg\tb\t['x', 7]\n");
  expect_error([&] { read_pairs(source_of(path), "neg"); }, ExitCode::kFailed,
               {"t.tsv:3 (b.jpg), column neg: column 7: expected a string in quotes, None or null"});
  EXPECT_EQ(read_pairs(source_of(path)).size(), 2u) << "nobody asked for them";
}

TEST(Pairs, PathsStartFromTheTableOrTheRoot) {
  const TempDir dir;
  SourceConfig source = source_of(dir.write("sub/t.tsv", "filepath\ttitle\na.jpg\tx\n../b.jpg\ty\n"));
  EXPECT_EQ(read_pairs(source)[0].image, dir / "sub/a.jpg");
  EXPECT_EQ(read_pairs(source)[1].image, dir / "sub/../b.jpg");
  source.image_root = "/photos";
  EXPECT_EQ(read_pairs(source)[0].image, "/photos/a.jpg");
  const fs::path before = fs::current_path();
  fs::current_path(dir / "sub");
  EXPECT_EQ(read_pairs(source_of("t.tsv"))[0].image, "a.jpg") << "a table of the current folder";
  fs::current_path(before);
}

TEST(Pairs, MissingColumnsNameThoseThereAre) {
  const TempDir dir;
  SourceConfig source = source_of(dir.write("t.tsv", "filepaths\tcaption\na\tb\n"));
  expect_error([&] { read_pairs(source); }, ExitCode::kFailed,
               {"t.tsv", "no column 'filepath'", "image_column", "filepaths, caption", "did you mean filepaths?"});
  source.image_column = "filepaths";
  expect_error([&] { read_pairs(source); }, ExitCode::kFailed, {"no column 'title'", "caption_column", "filepaths, caption"});
  source.caption_column = "caption";
  expect_error([&] { read_pairs(source, "neg_caption"); }, ExitCode::kFailed, {"no column 'neg_caption'", "negatives.column"});
  EXPECT_EQ(read_pairs(source).size(), 1u);
}

TEST(Pairs, WrongFormatIsSeenAtOnce) {
  const TempDir dir;
  const auto path = dir.write("t.csv", "filepath,title\na,b\n");
  expect_error([&] { read_pairs(source_of(path, SourceFormat::kTsv)); }, ExitCode::kFailed, {"its columns are: filepath,title"});
}

TEST(Pairs, UnusableCellsAndColumns) {
  const TempDir dir;
  expect_error([&] { read_pairs(source_of(dir.write("t.tsv", "filepath\ttitle\na\tb\n\n\tc\n"))); }, ExitCode::kFailed,
               {"t.tsv:4", "column 'filepath' is empty"});
  expect_error([&] { read_pairs(source_of(dir.write("d.tsv", "filepath\ttitle\ttitle\na\tb\tc\n"))); }, ExitCode::kFailed,
               {"d.tsv", "two columns 'title'", "caption_column"});
  EXPECT_EQ(read_pairs(source_of(dir.write("e.tsv", "filepath\ttitle\tx\tx\na\t\t1\t2\n")))[0].caption, "")
      << "other columns may be what they like";
}

}  // namespace
}  // namespace fsc
