// Lists of names and of parser moves, and what is refused in them.
#include "text/detail_grammar.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

using test::ByteWriter;

TEST(Names, AreFoundByNameAndNumber) {
  const ByteWriter bytes = ByteWriter().strings({"NN", "VB"}).u16(1).u16(2).u16(kNoName);
  Reader reader = bytes.reader();
  const Names names(reader);
  EXPECT_EQ(names.all(), (std::vector<std::string>{"NN", "VB"}));
  EXPECT_EQ(names.find("VB"), 1);
  EXPECT_EQ(names.find("JJ"), kNoName);
  EXPECT_EQ(names.require("NN", reader), 0);
  EXPECT_EQ(names.read(reader, false), 1);
  test::expect_error([&] { names.read(reader, true); }, ExitCode::kFailed, {"name number 2 where there are 2"});
  EXPECT_EQ(names.read(reader, true), kNoName);
  test::expect_error([&] { names.require("JJ", reader); }, ExitCode::kFailed, {"'JJ' is not in the list", "scripts/setup"});
}

TEST(Names, RefuseNoneAndTwice) {
  for (const auto& [names, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "0 names"}, {{"a", "b", "a"}, "'a' stands there twice"}}) {
    const ByteWriter bytes = ByteWriter().strings(names);
    Reader reader = bytes.reader();
    test::expect_error([&] { Names{reader}; }, ExitCode::kFailed, {part});
  }
}

TEST(Moves, ReadAndRefused) {
  const ByteWriter names = ByteWriter().strings({"ROOT", "dep"});
  Reader name_reader = names.reader();
  const Names dependencies(name_reader);
  const auto read = [&](const ByteWriter& bytes) {
    Reader reader = bytes.reader();
    return read_moves(reader, dependencies);
  };
  const auto move = [](ByteWriter& bytes, uint8_t action, uint16_t dependency, uint16_t lifted = kNoName) {
    bytes.u8(action).u16(dependency).u16(lifted);
  };
  ByteWriter good;
  good.u32(3);
  move(good, 0, kNoName), move(good, 1, kNoName), move(good, 2, 1, 0);
  const auto moves = read(good);
  ASSERT_EQ(moves.size(), 3U);
  EXPECT_EQ(moves[2].action, Action::kLeft);
  EXPECT_EQ(moves[2].dependency, 1);
  EXPECT_EQ(moves[2].lifted, 0);

  const auto refuses = [&](uint8_t action, uint16_t dependency, const std::string& part) {
    ByteWriter bytes;
    bytes.u32(1);
    move(bytes, action, dependency);
    test::expect_error([&] { read(bytes); }, ExitCode::kFailed, {part});
  };
  refuses(5, 0, "move of kind 5");
  refuses(2, kNoName, "name number 65535");
  refuses(3, 2, "name number 2 where there are 2");
  refuses(0, kNoName, "no shift or no reduce");
}

}  // namespace
}  // namespace fsc::detail
