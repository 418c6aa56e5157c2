// SHA-256 against the standard's vectors, in memory and streamed.
#include "fsc/core/digest.h"

#include <gtest/gtest.h>

#include <set>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

TEST(Digest, KnownVectors) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, PiecesEqualTheWhole) {
  Sha256 hash;
  for (const char* piece : {"a", "", "bc"}) hash.update(piece);
  EXPECT_EQ(hash.hex(), sha256_hex("abc"));
  EXPECT_EQ(Sha256().hex(), sha256_hex(""));
}

TEST(Digest, FileEqualsItsBytes) {
  const test::TempDir dir;
  EXPECT_EQ(sha256_file(dir.write("empty", "")), sha256_hex(""));
  std::string bytes;  // more than one piece, and not a whole number of them
  for (int i = 0; i < 3000001; ++i) bytes += static_cast<char>(i * 7 + i / 256);
  EXPECT_EQ(sha256_file(dir.write("large", bytes)), sha256_hex(bytes));
}

TEST(Digest, WhatIsNoFileIsAnError) {
  const test::TempDir dir;
  test::expect_error([&] { sha256_file(dir / "absent"); }, ExitCode::kFailed, {"absent", "No such file"});
  test::expect_error([&] { sha256_file(dir.path()); }, ExitCode::kFailed, {dir.path(), "folder"});
}

TEST(HashText, ValuesThatRunsDependOn) {
  EXPECT_EQ(hash_text(""), 0x0000000000000000);
  EXPECT_EQ(hash_text("a"), 0xFBF3792499CD11CE);
  EXPECT_EQ(hash_text("a cat on a mat"), 0x2AD8469E82432FE7);
}

TEST(HashText, EveryByteAndTheLengthCount) {
  const std::string text = "seventeen letters";
  std::set<uint64_t> seen = {hash_text(text)};
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] ^= 1;
    EXPECT_TRUE(seen.insert(hash_text(other)).second) << i;
  }
  EXPECT_TRUE(seen.insert(hash_text(text + std::string(1, '\0'))).second) << "zeros at the end count too";
  EXPECT_TRUE(seen.insert(hash_text(text.substr(0, 16))).second);
}

}  // namespace
}  // namespace fsc
