// Every form of header, what is passed over, what is refused, and every place an archive can be cut at.
#include "fsc/shards/tar_reader.h"

#include <gtest/gtest.h>

#include "fsc/core/error.h"
#include "shards/tar_bytes.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

using test::base256;
using test::octal;
using test::pax_record;
using test::read_tar;
using test::tar_bytes;
using test::TarPart;
using Files = std::vector<std::pair<std::string, std::string>>;

const std::string kGnuMagic = std::string("ustar  \0", 8);
const std::string kNoMagic = "";

void expect_refused(const std::string& bytes, const std::vector<std::string>& parts) {
  test::expect_error([&] { read_tar(bytes); }, ExitCode::kFailed, parts);
}

TEST(TarReader, OrdinaryFiles) {
  const std::string large(1500, 'x');
  const std::string bytes =
      tar_bytes({{.name = "a.txt", .data = "caption"}, {.name = "b.jpg", .data = large}, {.name = "c.txt"}});
  for (const size_t piece : {size_t{1}, size_t{511}, SIZE_MAX}) {
    const auto contents = read_tar(bytes, piece);
    EXPECT_EQ(contents.files, (Files{{"a.txt", "caption"}, {"b.jpg", large}, {"c.txt", ""}}));
    EXPECT_FALSE(contents.truncated);
    EXPECT_TRUE(contents.end_mark);
    EXPECT_FALSE(contents.trailing);
  }
}

TEST(TarReader, EntrySaysWhereItsDataAre) {
  const std::string bytes = tar_bytes({{.name = "a.txt", .data = "one"}, {.name = "b.txt", .data = "three"}});
  test::MemoryStream stream(bytes);
  TarReader reader(stream, "a.tar");
  TarEntry entry;
  ASSERT_TRUE(reader.next(entry));
  ASSERT_TRUE(reader.next(entry));  // data that nobody reads are passed over
  EXPECT_EQ(entry.name, "b.txt");
  EXPECT_EQ(entry.size, 5u);
  EXPECT_EQ(bytes.substr(entry.offset, entry.size), "three");
  EXPECT_TRUE(reader.skip());
  EXPECT_FALSE(reader.next(entry));
  EXPECT_FALSE(reader.next(entry));
}

TEST(TarReader, NamesInEveryForm) {
  const std::string hundred(100, 'n'), prefix(155, 'p'), longer(700, 'l');
  const auto name_of = [](const std::vector<TarPart>& parts) { return read_tar(tar_bytes(parts)).files.at(0).first; };
  EXPECT_EQ(name_of({{.name = hundred}}), hundred);  // no NUL ends it
  EXPECT_EQ(name_of({{.name = hundred, .prefix = prefix}}), prefix + "/" + hundred);
  EXPECT_EQ(name_of({{.name = "v7.txt", .type = '\0', .magic = kNoMagic, .prefix = "junk"}}), "v7.txt");
  EXPECT_EQ(name_of({{.name = "gnu.txt", .magic = kGnuMagic, .prefix = octal(1'700'000'000, 11)}}),
            "gnu.txt");                                           // times lie there
  EXPECT_EQ(name_of({{.name = "c.txt", .type = '7'}}), "c.txt");  // "contiguous"
  EXPECT_EQ(name_of({{.name = "././@LongLink", .data = longer + '\0', .type = 'L', .magic = kGnuMagic}, {.name = "cut"}}),
            longer);
  EXPECT_EQ(name_of({{.name = "x", .data = longer, .type = 'K'}, {.name = "kept.txt"}}), "kept.txt");
  EXPECT_EQ(
      name_of({{.name = "x", .data = pax_record("mtime", "1.5") + pax_record("path", longer), .type = 'x'}, {.name = "cut"}}),
      longer);
  EXPECT_EQ(name_of({{.name = "x", .data = pax_record("path", "caf\xC3\xA9/\xE7\x8C\xAB.jpg"), .type = 'x'}, {.name = "caf?"}}),
            "caf\xC3\xA9/\xE7\x8C\xAB.jpg");
  EXPECT_EQ(name_of({{.name = "x", .data = pax_record("comment", "a=b\nc"), .type = 'g'}, {.name = "kept.txt"}}), "kept.txt");
}

TEST(TarReader, ExtensionsHoldForTheNextFileOnly) {
  const auto contents = read_tar(tar_bytes({{.name = "x", .data = pax_record("path", "first.txt"), .type = 'x'},
                                            {.name = "x", .data = pax_record("comment", "none"), .type = 'x'},
                                            {.name = "cut"},
                                            {.name = "second.txt"},
                                            {.name = "g", .data = pax_record("path", "global.txt"), .type = 'g'},
                                            {.name = "third.txt"},
                                            {.name = "x", .data = pax_record("path", "fourth.txt"), .type = 'x'},
                                            {.name = "cut"}}));
  EXPECT_EQ(contents.files, (Files{{"first.txt", ""}, {"second.txt", ""}, {"global.txt", ""}, {"fourth.txt", ""}}));
}

TEST(TarReader, SizesInEveryForm) {
  const auto data_of = [](const std::string& size, std::vector<TarPart> before = {}) {
    before.push_back({.name = "a.txt", .data = "12345678", .size = size});
    before.push_back({.name = "b.txt"});
    const auto files = read_tar(tar_bytes(before)).files;
    EXPECT_EQ(files.size(), 2u) << size;
    return files.at(0).second;
  };
  EXPECT_EQ(data_of("00000000010"), "12345678");
  EXPECT_EQ(data_of("         10 "), "12345678");
  EXPECT_EQ(data_of("10"), "12345678");
  EXPECT_EQ(data_of("000000000010"), "12345678");  // twelve digits and no end
  EXPECT_EQ(data_of(base256(8)), "12345678");
  EXPECT_EQ(data_of("00000000000", {{.name = "x", .data = pax_record("size", "8"), .type = 'x'}}), "12345678");
}

TEST(TarReader, SignedChecksumsOfOldWriters) {
  const std::string name = "caf\xE9.txt";
  EXPECT_EQ(read_tar(tar_bytes({{.name = name, .sum = TarPart::Sum::kSigned}})).files, (Files{{name, ""}}));
  EXPECT_EQ(read_tar(tar_bytes({{.name = name, .sum = TarPart::Sum::kUnsigned}})).files, (Files{{name, ""}}));
}

TEST(TarReader, WhatIsNoFileIsPassedOver) {
  const auto contents =
      read_tar(tar_bytes({{.name = "folder/", .type = '5'},
                          {.name = "old-folder/", .type = '\0', .magic = kNoMagic},
                          {.name = "hard.jpg", .type = '1', .size = octal(4096, 11)},  // some writers put the target's size here
                          {.name = "soft.jpg", .type = '2'},
                          {.name = "device", .type = '3'},
                          {.name = "fifo", .type = '6'},
                          {.name = "dump", .data = "names", .type = 'D'},
                          {.name = "volume", .type = 'V'},
                          {.name = "a.txt", .data = "kept"}}));
  EXPECT_EQ(contents.files, (Files{{"a.txt", "kept"}}));
  EXPECT_EQ(contents.links, 2);
}

TEST(TarReader, TheFirstZeroBlockEndsTheArchive) {
  const std::string one = tar_bytes({{.name = "a.txt", .data = "one"}}, ""), zero(512, '\0');
  const auto contents = read_tar(one + zero + one + test::kTarEnd);
  EXPECT_EQ(contents.files.size(), 1u);
  EXPECT_TRUE(contents.end_mark);
  EXPECT_TRUE(contents.trailing);
  EXPECT_FALSE(contents.truncated);
  EXPECT_FALSE(read_tar(one + std::string(10240, '\0')).trailing);
}

TEST(TarReader, WithoutAnEndMark) {
  const auto contents = read_tar(tar_bytes({{.name = "a.txt", .data = "one"}}, ""));
  EXPECT_EQ(contents.files, (Files{{"a.txt", "one"}}));
  EXPECT_FALSE(contents.truncated);
  EXPECT_FALSE(contents.end_mark);
}

TEST(TarReader, CutAtEveryByte) {
  const std::string long_name(300, 'n');
  const std::vector<TarPart> parts = {{.name = "a.txt", .data = "one"},
                                      {.name = "folder/", .type = '5'},
                                      {.name = "x", .data = pax_record("path", long_name), .type = 'x'},
                                      {.name = "cut", .data = std::string(700, '2')},
                                      {.name = "c.txt", .data = "three"}};
  std::vector<size_t> boundaries = {0};  // where each part begins
  for (const auto& part : parts) boundaries.push_back(boundaries.back() + tar_bytes({part}, "").size());
  const std::vector<size_t> data_ends = {512 + 3, boundaries[3] + 512 + 700, boundaries[4] + 512 + 5};
  const std::string whole = tar_bytes(parts);
  const auto all = read_tar(whole).files;
  ASSERT_EQ(all.size(), 3u);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto contents = read_tar(whole.substr(0, cut));
    const size_t files =
        static_cast<size_t>(std::count_if(data_ends.begin(), data_ends.end(), [&](size_t end) { return end <= cut; }));
    EXPECT_EQ(contents.files, Files(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(files)));
    const bool between = cut > 0 && cut != boundaries[3] && std::count(boundaries.begin(), boundaries.end(), cut) > 0;
    EXPECT_EQ(contents.truncated, !between && cut < boundaries.back() + 512);
    EXPECT_EQ(contents.end_mark, cut >= boundaries.back() + 512);
  }
}

TEST(TarReader, DamagedHeadersAreNamedWithTheirPlace) {
  const TarPart good = {.name = "a.txt", .data = "one"};
  expect_refused(tar_bytes({good, {.name = "b.txt", .sum = TarPart::Sum::kWrong}}),
                 {"a.tar", "byte 1024", "'a.txt'", "checksum"});
  expect_refused(tar_bytes({good, {.name = "b.txt", .size = "no number  "}}), {"byte 1024", "size", "'b.txt'"});
  expect_refused(tar_bytes({good, {.name = "b.txt", .size = std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")}}),
                 {"byte 1024", "size"});
  expect_refused(tar_bytes({good, {.name = "b.txt", .size = base256(1).replace(1, 1, "\x7F")}}), {"byte 1024", "size"});
  for (const std::string records :
       {"x", "9999 path=a\n", "5 path=a\n", "0 \n", "11 path=abcd", "8 pathx\n", "99999999999999999999999 a=b\n"})
    expect_refused(tar_bytes({good, {.name = "x", .data = records, .type = 'x'}, {.name = "b.txt"}}), {"byte 1024", "PAX"});
  expect_refused(tar_bytes({good, {.name = "x", .data = pax_record("size", "-1"), .type = 'x'}, {.name = "b.txt"}}),
                 {"byte 1024", "'-1'"});
  expect_refused(tar_bytes({good, {.name = "x", .type = 'L', .size = octal(1 << 30, 11)}}), {"byte 1024", "1073741824"});
}

TEST(TarReader, OtherKindsOfFilesAreNamed) {
  const auto refused_at_once = [](const std::string& begin, const std::string& hint) {
    for (const size_t size : {10, 1000}) expect_refused(begin + std::string(size, 'x'), {"a.tar is no tar archive", hint});
  };
  refused_at_once("\x1F\x8B\x08", "gzip -dc");
  refused_at_once("\x28\xB5\x2F\xFD", "zstd -dc");
  refused_at_once("BZh9", "bzip2 -dc");
  refused_at_once("\3757zXZ", "xz -dc");
  refused_at_once("PK\3\4", "zip");
  refused_at_once("<!DOCTYPE html>", "web page");
  expect_refused("something" + std::string(1000, 'x'), {"a.tar is no tar archive", "checksum"});
}

TEST(TarReader, SparseFilesAreRefused) {
  expect_refused(tar_bytes({{.name = "s.jpg", .type = 'S', .magic = kGnuMagic}}), {"'s.jpg'", "sparse"});
  for (const char* key : {"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.name"})
    expect_refused(tar_bytes({{.name = "x", .data = pax_record(key, "1"), .type = 'x'}, {.name = "s.jpg"}}),
                   {"byte 0", "sparse"});
}

TEST(TarReader, ClaimedSizesCostNothing) {
  expect_refused(tar_bytes({{.name = "huge.jpg", .size = octal(uint64_t{3} << 30, 11)}}), {"'huge.jpg'", "3221225472", "2 GiB"});
  expect_refused(tar_bytes({{.name = "huge.jpg", .size = base256(uint64_t{1} << 60)}}), {"2 GiB"});
  expect_refused(tar_bytes({{.name = "D", .type = 'D', .size = base256(uint64_t{1} << 62)}}), {"2 GiB"});

  test::MemoryStream stream(tar_bytes({{.name = "large.jpg", .data = "tiny", .size = octal(uint64_t{2} << 30, 11)}}));
  TarReader reader(stream, "a.tar");
  TarEntry entry;
  ASSERT_TRUE(reader.next(entry));
  std::string data;
  EXPECT_FALSE(reader.read(data));
  EXPECT_TRUE(reader.truncated());
  EXPECT_LE(data.capacity(), size_t{2} << 20);
  EXPECT_FALSE(reader.next(entry));
}

TEST(TarReader, LargeFilesArriveInPieces) {
  std::string large(5'000'001, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i >> 7);
  const auto contents = read_tar(tar_bytes({{.name = "large.npy", .data = large}, {.name = "b.txt", .data = "after"}}), 70'001);
  EXPECT_EQ(contents.files, (Files{{"large.npy", large}, {"b.txt", "after"}}));
}

}  // namespace
}  // namespace fsc
