// Mutated shards: each is read or refused with an Error, in bounded time and memory. FSC_FUZZ_COUNT sets how many of each.
#include <gtest/gtest.h>

#include <iostream>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/shards/shard_check.h"
#include "fsc/shards/shard_list.h"
#include "shards/detail_tar_header.h"
#include "shards/tar_bytes.h"
#include "support/fuzz.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::fuzz_count;
using test::processor_seconds;

constexpr double kMostSeconds = 1;  // of processor time

/// The checksum that fits the header now, so that what it says is believed.
void sign(std::string& bytes, size_t block) {
  const auto sum = detail::tar_checksum(detail::TarBlock(bytes.data() + block, detail::kTarBlock));
  bytes.replace(block + detail::tar_field::kChecksum.offset, 6, test::octal(sum, 6));
}

/// Changes some bytes, rather in headers than elsewhere; most changed headers get a right checksum again.
std::string mutated(std::string bytes, Rng& rng) {
  static const std::string kWords = std::string("\0\xFF\x80 01789xgLKSD5=\n/.", 20);
  for (uint64_t edits = 1 + rng.below(6); edits > 0; --edits) {
    if (bytes.size() < 512) return bytes;
    const size_t block = rng.below(bytes.size() / 512) * 512;
    const size_t at = block + (rng.below(2) ? 124 + rng.below(40) : rng.below(512));
    switch (rng.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(rng.below(256));
        break;
      case 1:
      case 2:
        bytes[at] = kWords[rng.below(kWords.size())];
        break;
      case 3:
        bytes.erase(at, rng.below(2) ? 512 : rng.below(8));
        break;
      case 4:
        bytes.insert(block, bytes.substr(rng.below(bytes.size() / 512) * 512, 512 * (1 + rng.below(4))));
        break;
      default:
        if (rng.below(8) == 0) bytes.resize(at);
    }
    if (block + 512 <= bytes.size() && rng.below(4) > 0 && bytes.compare(block + 257, 5, "ustar") == 0) sign(bytes, block);
  }
  return bytes;
}

class ShardFuzz : public testing::TestWithParam<const char*> {};

TEST_P(ShardFuzz, MutatedShards) {
  const std::string good = read_file(std::string(FSC_TEST_DATA "/shards/") + GetParam());
  int read = 0, refused = 0;
  for (uint64_t round = 0; round < fuzz_count(300) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round});
    const std::string bytes = mutated(good, rng);
    const double begin = processor_seconds();
    test::MemoryStream stream(bytes, 1 + rng.below(2000));
    TarReader reader(stream, "fuzz.tar");
    try {
      std::string data;
      size_t entries = 0;
      for (TarEntry entry; reader.next(entry); ++entries) {
        ASSERT_LE(entry.size, kMaxTarEntry);
        const bool whole = rng.below(2) ? reader.read(data) : reader.skip();
        ASSERT_TRUE(whole || reader.truncated());
        ASSERT_LE(data.capacity(), 2 * bytes.size() + (2 << 20));
      }
      ASSERT_LE(entries, bytes.size() / 512);
      ++read;
    } catch (const Error& error) {
      ASSERT_TRUE(std::string(error.what()).starts_with("fuzz.tar")) << error.what();
      ++refused;
    }
    ASSERT_LE(reader.position(), bytes.size());
    ASSERT_LT(processor_seconds() - begin, kMostSeconds);
  }
  std::cout << GetParam() << ": " << read << " read, " << refused << " refused\n";
  EXPECT_TRUE(read > 0 && refused > 0);
}

TEST_P(ShardFuzz, MutatedFilesThroughTheCheck) {
  const test::TempDir dir;
  const std::string good = read_file(std::string(FSC_TEST_DATA "/shards/") + GetParam());
  size_t findings = 0;
  int64_t samples = 0;
  for (uint64_t round = 0; round < fuzz_count(100) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round, 1});
    const std::string path = dir.write("fuzz.tar", mutated(good, rng)).string();
    int64_t visited = 0;
    const ShardCheck seen =
        check_shard(path, {.image_extensions = {"jpg"}, .caption_extensions = {"txt"}}, [&](const ShardSample&) { ++visited; });
    const ShardCheck passed = check_shard(path, {.image_extensions = {"jpg"}, .caption_extensions = {"txt"}});
    ASSERT_EQ(seen.samples, visited);
    ASSERT_EQ(seen.samples, passed.samples);  // reading and seeking agree
    ASSERT_EQ(seen.findings.size(), passed.findings.size());
    findings += seen.findings.size();
    samples += seen.samples;
    std::filesystem::remove(path);
  }
  EXPECT_GT(findings, 0u);
  EXPECT_GT(samples, 0);
}

INSTANTIATE_TEST_SUITE_P(Shards, ShardFuzz, testing::Values("ustar.tar", "gnu.tar", "pax.tar", "webdataset.tar"),
                         [](const auto& info) { return std::string(info.param).substr(0, std::string(info.param).find('.')); });

TEST(ShardListFuzz, PatternsOfBracesEndInAListOrAnError) {
  const std::string letters = "{{{}}},,..0019\\$:ax/";
  int listed = 0, refused = 0;
  for (uint64_t round = 0; round < fuzz_count(2000); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round, 2});
    std::string pattern = "/";
    for (uint64_t i = rng.below(40); i > 0; --i) pattern += letters[rng.below(letters.size())];
    const double begin = processor_seconds();
    try {
      EXPECT_FALSE(expand_shards(pattern).empty());
      ++listed;
    } catch (const Error&) {
      ++refused;
    }
    EXPECT_LT(processor_seconds() - begin, 5 * kMostSeconds) << pattern;
  }
  EXPECT_GT(listed, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace fsc
