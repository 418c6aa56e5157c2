// The checked reader: every kind of field, and every way in which a file can lie.
#include "text/detail_reader.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

using test::ByteWriter;
using test::expect_error;

TEST(TextReader, ReadsWhatWasWritten) {
  ByteWriter bytes;
  bytes.u8(200).u16(60000).u32(4000000000).u64(uint64_t{1} << 63).number(-1.5F).string("naïve").u32(2).floats({1, 2});
  Reader reader = bytes.reader();
  EXPECT_EQ(reader.u8(), 200);
  EXPECT_EQ(reader.u16(), 60000);
  EXPECT_EQ(reader.u32(), 4000000000);
  EXPECT_EQ(reader.u64(), uint64_t{1} << 63);
  EXPECT_EQ(reader.f32(), -1.5F);
  EXPECT_EQ(reader.string(), "naïve");
  EXPECT_EQ(reader.array<float>(reader.count(sizeof(float))), (std::vector<float>{1, 2}));
  EXPECT_EQ(reader.left(), 0U);
  reader.expect_end();
}

TEST(TextReader, NamesFileByteAndCommand) {
  ByteWriter bytes;
  bytes.u32(7);
  Reader reader = bytes.reader();
  reader.u16();
  expect_error([&] { reader.u32(); }, ExitCode::kFailed, {"by_hand.bin, byte 2", "ends early", "scripts/setup"});
}

TEST(TextReader, TextsAreUtf8) {
  ByteWriter bytes;
  bytes.string("naïve").string("na\xEFve");
  Reader reader = bytes.reader();
  EXPECT_EQ(reader.text(), "naïve");
  expect_error([&] { reader.text(); }, ExitCode::kFailed, {"by_hand.bin", "no valid UTF-8"});
}

TEST(TextReader, RefusesCountsAndLengthsThatCannotBe) {
  ByteWriter bytes;
  bytes.u32(0xFFFFFFFF).u32(5);
  const auto refuses = [&](auto body, const std::string& part) {
    Reader reader = bytes.reader();
    expect_error([&] { body(reader); }, ExitCode::kFailed, {part});
  };
  refuses([](Reader& reader) { reader.count(4); }, "announces 4294967295 entries");
  refuses([](Reader& reader) { reader.string(); }, "ends early: 4294967295 bytes");
  refuses([](Reader& reader) { reader.array<uint64_t>(SIZE_MAX / 4); }, "ends early");
  refuses([](Reader& reader) { reader.index(10, "the tag"); }, "the tag 4294967295 is not below 10");
  refuses([](Reader& reader) { reader.u32(), reader.expect_end(); }, "4 bytes too many");
}

TEST(TextReader, ACountOfNothingFits) {
  ByteWriter bytes;
  bytes.u32(0);
  Reader reader = bytes.reader();
  EXPECT_EQ(reader.count(8), 0U);
  EXPECT_TRUE(reader.array<double>(0).empty());
  EXPECT_EQ(reader.bytes(0), "");
}

}  // namespace
}  // namespace fsc::detail
