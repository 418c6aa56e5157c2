// Mutated checkpoints: each is read or refused with an Error, in bounded time and memory. FSC_FUZZ_COUNT sets how many a format.
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/io/checkpoint_file.h"
#include "fsc/io/safetensors.h"
#include "io/checkpoint_bytes.h"
#include "io/detail_zip_archive.h"
#include "support/fuzz.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::fuzz_count;
using test::TempDir;
using test::ZipPart;

constexpr uint64_t kMiB = 1 << 20;
constexpr double kMostSeconds = 2;  // of processor time, so that a busy machine changes nothing

struct Tally {
  int read = 0, refused = 0;
  double slowest = 0;
  uint64_t largest = 0;
};

/// Reads the file; anything but tensors or an Error is a failure, and so are a second of work too many or a byte too much.
void read_once(const std::filesystem::path& path, uint64_t size, Tally& tally) {
  const test::PeakMemory memory;
  const double begin = test::processor_seconds();
  try {
    const CheckpointFile file = read_checkpoint_file(path);
    ++tally.read;
    for (const auto& [name, tensor] : file.state.entries())
      ASSERT_EQ(tensor.clone().numel(), tensor.numel());  // every byte is there
  } catch (const Error& error) {
    ASSERT_NE(std::string(error.what()).find(path.parent_path().string()), std::string::npos) << error.what();
    ++tally.refused;
  }
  const double seconds = test::processor_seconds() - begin;
  const uint64_t growth = memory.growth();
  tally.slowest = std::max(tally.slowest, seconds);
  tally.largest = std::max(tally.largest, growth);
  ASSERT_LT(seconds, kMostSeconds);
  ASSERT_LE(growth, 2 * size + 64 * kMiB);
}

const std::string kWords = "0123456789-[]{}\",:.(NtRu}a]e)qhrjXcKMJsbQ\x80\x81\x85\x86\x87\x88\x89\x8A\x8B\x8D\x93\x94\x95\xFF";
std::string mutated(const std::string& bytes, Rng& rng) { return test::mutated(bytes, kWords, rng); }

/// A new file each time: some file systems write an overwritten one to the disk at once, which takes milliseconds.
std::filesystem::path rewritten(const TempDir& dir, const std::string& name, const std::string& bytes) {
  std::filesystem::remove(dir / name);
  return dir.write(name, bytes);
}

/// `mutant(rng)` gives the bytes of each round.
template <class F>
Tally fuzz(uint64_t count, const std::string& name, F mutant) {
  const TempDir dir;
  Tally tally;
  for (uint64_t round = 0; round < count && !testing::Test::HasFatalFailure(); ++round) {
    SCOPED_TRACE(name + ", round " + std::to_string(round));
    Rng rng({round});
    const std::string bytes = mutant(rng);
    read_once(rewritten(dir, name, bytes), bytes.size(), tally);
  }
  std::cout << name << ": " << tally.read << " read, " << tally.refused << " refused, slowest " << tally.slowest
            << " s, most memory " << tally.largest / 1024 << " KiB\n";
  return tally;
}

std::string golden(const std::string& name) { return read_file(FSC_TEST_DATA "/golden/checkpoints/" + name); }

/// The entries of an archive, to be put together again with other contents and right checksums.
std::vector<ZipPart> parts_of(const std::string& bytes) {
  const TempDir dir;
  const detail::InputFile file(dir.write("whole", bytes));
  const detail::ZipArchive archive(file);
  std::vector<ZipPart> parts;
  for (const auto& entry : archive.entries()) {
    if (!entry.compressed) parts.emplace_back(std::string(entry.name), archive.read(entry));
  }
  return parts;
}

class ArchiveFuzz : public testing::TestWithParam<const char*> {};

TEST_P(ArchiveFuzz, MutatedBytes) {
  const std::string good = golden(GetParam());
  const Tally tally = fuzz(fuzz_count(200), GetParam(), [&](Rng& rng) { return mutated(good, rng); });
  EXPECT_GT(tally.refused, 0);
}

TEST_P(ArchiveFuzz, MutatedPicklesWithRightChecksums) {
  const auto good = parts_of(golden(GetParam()));
  const Tally tally = fuzz(fuzz_count(300), GetParam(), [&](Rng& rng) {
    auto parts = good;
    for (auto& part : parts) {
      if (part.name.ends_with("data.pkl")) part = ZipPart(part.name, mutated(part.bytes, rng));
    }
    return test::zip_bytes(parts);
  });
  EXPECT_GT(tally.refused, 0);
  EXPECT_GT(tally.read, 0);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, ArchiveFuzz,
                         testing::Values("bare.pt", "wrapped.pt", "views.pt", "parameters.pt", "script.pt"),
                         [](const auto& info) { return std::string(info.param).substr(0, std::string(info.param).find('.')); });

StateDict fuzzed_state() {
  StateDict state;
  state.add("flags", torch::tensor({1, 0, 1}, torch::kBool));
  state.add("weight", torch::arange(6, torch::kFloat32).view({2, 3}));
  state.add("half", torch::arange(3, torch::kFloat32).to(torch::kHalf));
  state.add("none", torch::empty({0, 4}, torch::kFloat32));
  state.metadata["note"] = "caf\xC3\xA9 \"quoted\"";
  return state;
}

TEST(CheckpointFuzz, MutatedSafetensors) {
  const TempDir dir;
  write_safetensors(dir / "good", fuzzed_state());
  const std::string good = read_file(dir / "good");
  const Tally tally = fuzz(fuzz_count(1000), "model.safetensors", [&](Rng& rng) { return mutated(good, rng); });
  EXPECT_GT(tally.refused, 0);
  EXPECT_GT(tally.read, 0);
}

TEST(CheckpointFuzz, MutatedIndexes) {
  const TempDir dir;
  write_safetensors(dir / "a.safetensors", fuzzed_state());
  const std::string good =
      R"({"metadata": {"total_size": 33}, "weight_map": {"flags": "a.safetensors", "weight": "a.safetensors",
          "half": "a.safetensors", "none": "a.safetensors"}})";
  Tally tally;
  for (uint64_t round = 0; round < fuzz_count(500) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round});
    const std::string bytes = mutated(good, rng);
    read_once(rewritten(dir, "model.safetensors.index.json", bytes), bytes.size() + 1000, tally);
  }
  EXPECT_GT(tally.refused, 0);
  EXPECT_GT(tally.read, 0);
}

// --- large files made of nothing but the smallest thing that takes memory --------------------------------------------

void expect_bounded(const std::string& name, const std::string& bytes) {
  const TempDir dir;
  Tally tally;
  SCOPED_TRACE(name);
  read_once(dir.write(name, bytes), bytes.size(), tally);
  EXPECT_EQ(tally.refused, 1);
  std::cout << name << " of " << bytes.size() / kMiB << " MiB: " << tally.largest / kMiB << " MiB\n";
}

std::string repeated(const std::string& unit, size_t size) {
  std::string text;
  while (text.size() < size) text += unit;
  return text;
}

TEST(CheckpointBomb, Pickles) {
  const std::string first = std::string("Nq") + '\0';
  for (const std::string unit : {"]", "}", "(", "N", ")", "K\1", "]]\x86", "N\x85", "]N\x86\x94", "h\0"})
    expect_bounded("bomb.pt", test::zip_bytes(test::checkpoint_parts(test::pickled(first + repeated(unit, 8 * kMiB)))));
  expect_bounded("bomb.pt", test::zip_bytes(test::checkpoint_parts(test::pickled("](" + repeated("N", 8 * kMiB) + "e"))));
  expect_bounded(
      "bomb.pt",
      test::zip_bytes(test::checkpoint_parts(test::pickled("X" + test::little(8 * kMiB, 4) + std::string(8 * kMiB, 'x')))));
}

TEST(CheckpointBomb, ModulesInManyPlaces) {  // a million tensors out of one, in a few kilobytes
  using namespace test::words;
  const auto module = [](const std::string& attributes) { return global("__torch__", "M") + ")\x81" + dict(attributes) + "b"; };
  std::string tree = module(text("w") + tensor(test::four_floats(), 0, {0}, {1}));
  for (char level = 0; level < 3; ++level) {
    std::string children;
    for (int i = 0; i < 100; ++i) children += text(std::to_string(i)) + "h" + level;
    tree += std::string("q") + level + "0" + module(children);
  }
  auto parts = test::checkpoint_parts(test::pickled(tree));
  parts.emplace_back("m/constants.pkl", "");
  expect_bounded("bomb.pt", test::zip_bytes(parts));
}

TEST(CheckpointBomb, ZipDirectories) {
  std::vector<ZipPart> parts;
  for (int i = 0; i < 60'000; ++i) parts.emplace_back(std::to_string(i), "");
  expect_bounded("bomb.pt", test::zip_bytes(parts));
  expect_bounded("bomb.pt", test::zip_bytes({{"m/data.pkl", "."}}) + repeated("PK\5\6", 4 * kMiB));
}

TEST(CheckpointBomb, SafetensorsHeaders) {
  std::string entries, notes, names;
  for (int i = 0; entries.size() < 7 * kMiB; ++i)
    entries += "\"" + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)";
  for (int i = 0; notes.size() < 7 * kMiB; ++i) notes += "\"" + std::to_string(i) + "\":\"\",";
  const auto file = [](const std::string& header) { return test::little(header.size(), 8) + header; };
  expect_bounded("bomb", file("{" + entries));
  expect_bounded("bomb", file("{\"__metadata__\":{" + notes));
  expect_bounded("bomb", file("{" + repeated("[", 7 * kMiB)));
  expect_bounded("bomb", file("{\"" + std::string(7 * kMiB, 'n') + "\":{}}"));
  expect_bounded("bomb", file("{\"a\":{\"dtype\":\"" + std::string(7 * kMiB, 'd') + "\"}}"));
}

TEST(CheckpointBomb, Indexes) {
  std::string weights;
  for (int i = 0; weights.size() < 3 * kMiB; ++i) weights += "\"" + std::to_string(i) + "\":\"s\",";
  expect_bounded("bomb", "{\"weight_map\":{" + weights);
  expect_bounded("bomb", "{\"weight_map\":{" + weights.substr(0, 400'000) + "\"x\":\"s\"}}");
  expect_bounded("bomb", "{\"a\":" + repeated("[", 3 * kMiB));
  expect_bounded("bomb", "{\"a\":" + repeated("{\"b\":", 3 * kMiB));
  expect_bounded("bomb", "{\"a\":\"" + std::string(20 * kMiB, 'x') + "\"}");
}

}  // namespace
}  // namespace fsc
