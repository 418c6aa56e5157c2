// Archives equal to Python's byte for byte, read back, and what happens when the disk is full.
#include "fsc/shards/tar_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "shards/tar_bytes.h"
#include "support/expect_error.h"
#include "support/scoped.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(TarWriter, BytesAreThoseOfPythonsTarfile) {
  const std::string folder = FSC_TEST_DATA "/shards/";
  const auto contents = nlohmann::json::parse(read_file(folder + "contents.json"));
  const TempDir dir;
  TarWriter writer(dir / "fsc.tar");
  for (const auto& sample : contents["fsc.tar"]) {
    for (const auto& [extension, text] : sample["files"].items())
      writer.add(sample["key"].get<std::string>() + "." + extension, text.get<std::string>());
  }
  writer.finish();
  EXPECT_EQ(writer.size(), std::filesystem::file_size(dir / "fsc.tar"));
  EXPECT_TRUE(read_file(dir / "fsc.tar") == read_file(folder + "fsc.tar"));
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(TarWriter, WhatIsWrittenIsReadBack) {
  const TempDir dir;
  std::vector<std::pair<std::string, std::string>> files = {
      {"empty.txt", ""}, {"large.npy", std::string(3'000'000, 'x')}, {"latin\xE9.txt", "not UTF-8"}};
  for (const size_t length : {99, 100, 101, 155, 255, 256, 257, 900, 970, 4000})
    files.emplace_back(std::string(length, 'n'), std::string(length, 'd'));
  for (int i = 0; i < 10; ++i)
    files.emplace_back("\xC3\xA9" + std::string(80 + static_cast<size_t>(i), 'x'), "the record's length grows a digit");
  TarWriter writer(dir / "a.tar");
  for (const auto& [name, data] : files) writer.add(name, data);
  writer.finish();
  const auto contents = test::read_tar(read_file(dir / "a.tar"));
  EXPECT_EQ(contents.files, files);
  EXPECT_TRUE(contents.end_mark);
  EXPECT_EQ(writer.size() % 10240, 0u);
}

TEST(TarWriter, WithoutFinishNothingStays) {
  const TempDir dir;
  dir.write("a.tar", "old");
  {
    TarWriter writer(dir / "a.tar");
    writer.add("a.txt", "new");
    EXPECT_EQ(files_in(dir.path()), 2u);
  }
  EXPECT_EQ(files_in(dir.path()), 1u);
  EXPECT_EQ(read_file(dir / "a.tar"), "old");
}

TEST(TarWriter, NamesThatNoFileCanHave) {
  const TempDir dir;
  TarWriter writer(dir / "a.tar");
  for (const std::string& name : {std::string(), std::string("folder/"), std::string("a\0b", 3)})
    test::expect_error([&] { writer.add(name, ""); }, ExitCode::kFailed, {(dir / "a.tar").string(), "no name"});
}

TEST(TarWriter, AFullDiskIsAnErrorAndLeavesNothing) {
  const TempDir dir;
  const test::ScopedFileSizeLimit limit(1 << 20);
  const auto write = [&] {
    TarWriter writer(dir / "a.tar");
    writer.add("a.bin", std::string(3 << 20, 'x'));
    writer.finish();
  };
  test::expect_error(write, ExitCode::kFailed, {(dir / "a.tar").string(), "free space"});
  EXPECT_EQ(files_in(dir.path()), 0u);
}

TEST(TarWriter, FoldersThatCannotBeWritten) {
  test::expect_error([] { TarWriter writer("/nowhere/a.tar"); }, ExitCode::kFailed, {"/nowhere/a.tar"});
}

}  // namespace
}  // namespace fsc
