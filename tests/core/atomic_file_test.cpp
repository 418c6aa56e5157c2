// Files and folders appear whole or not at all, whatever fails in between.
#include "fsc/core/atomic_file.h"

#include <gtest/gtest.h>

#include <set>

#include "support/expect_error.h"
#include "support/scoped.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

TEST(AtomicFile, WritesAndReplaces) {
  const TempDir dir;
  const std::string bytes("a\0b\n\xFF", 5);
  write_file_atomic(dir / "file", bytes);
  EXPECT_EQ(read_file(dir / "file"), bytes);
  write_file_atomic(dir / "file", "");
  EXPECT_EQ(read_file(dir / "file"), "");
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"file"});
}

TEST(AtomicFile, RelativeNameNeedsNoFolder) {
  const TempDir dir;
  const fs::path before = fs::current_path();
  fs::current_path(dir.path());
  write_file_atomic("plain", "x");
  write_directory_atomic("folder", [](const fs::path& temporary) { write_file_atomic(temporary / "inner", "y"); });
  fs::current_path(before);
  EXPECT_EQ(read_file(dir / "plain"), "x");
  EXPECT_EQ(read_file(dir / "folder" / "inner"), "y");
}

TEST(AtomicFile, ComesPieceByPiece) {
  const TempDir dir;
  dir.write("file", "old");
  std::string all;
  {
    AtomicFile file(dir / "file");
    for (const size_t size :
         {size_t{3}, size_t{0}, size_t{1} << 20, (size_t{1} << 20) - 1, size_t{5}, size_t{3} << 20, size_t{2}}) {
      all += std::string(size, static_cast<char>('a' + size % 7));
      file.put(all.substr(all.size() - size));
    }
    EXPECT_EQ(read_file(dir / "file"), "old") << "until it is whole";
    file.finish();
    EXPECT_TRUE(read_file(dir / "file") == all);
  }
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"file"});
}

TEST(AtomicFile, WithoutFinishNothingStays) {
  const TempDir dir;
  dir.write("file", "old");
  { AtomicFile(dir / "file").put(std::string(3 << 20, 'x')); }
  EXPECT_EQ(read_file(dir / "file"), "old");
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"file"});
}

TEST(AtomicFile, FullDiskKeepsTheOldFile) {
  const TempDir dir;
  const fs::path file = dir.write("file", "old");
  {
    const test::ScopedFileSizeLimit full(1000);
    expect_error([&] { write_file_atomic(file, std::string(5000, 'x')); }, ExitCode::kFailed,
                 {"cannot write " + file.string() + ":", "free space"});
  }
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"file"});
}

TEST(AtomicFile, NamesThePathAndTheCause) {
  const TempDir dir;
  dir.write("file", "");
  expect_error([&] { write_file_atomic(dir / "none" / "f", "x"); }, ExitCode::kFailed,
               {"cannot write " + (dir / "none/f").string() + ":", "No such"});
  expect_error([&] { write_file_atomic(dir / "file" / "f", "x"); }, ExitCode::kFailed,
               {(dir / "file/f").string(), "Not a directory"});
  fs::create_directory(dir / "folder");
  expect_error([&] { write_file_atomic(dir / "folder", "x"); }, ExitCode::kFailed, {(dir / "folder").string(), "directory"});
  EXPECT_EQ(names_in(dir.path()), (std::set<std::string>{"file", "folder"}));
}

TEST(AtomicFile, ForbiddenFolder) {
  const TempDir dir;
  fs::create_directory(dir / "locked");
  const fs::path file = dir.write("locked/file", "old");
  fs::permissions(dir.path(), fs::perms{0777});
  fs::permissions(dir / "locked", fs::perms{0555});
  {
    const test::ScopedPlainUser user;
    if (!user.plain()) GTEST_SKIP() << "root could not become a plain user";
    const std::string hint = "choose a folder you may write to";
    expect_error([&] { write_file_atomic(file, "new"); }, ExitCode::kFailed,
                 {"cannot write " + file.string() + ":", "denied", hint});
    expect_error([&] { write_directory_atomic(dir / "locked" / "run", [](const fs::path&) {}); }, ExitCode::kFailed,
                 {"cannot write " + (dir / "locked/run").string() + ":", hint});
    expect_error([&] { make_directories(dir / "locked" / "a" / "b"); }, ExitCode::kFailed, {(dir / "locked/a/b").string(), hint});
  }
  fs::permissions(dir / "locked", fs::perms::owner_all);
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(names_in(dir / "locked"), std::set<std::string>{"file"});
}

TEST(AtomicDirectory, AppearsWhole) {
  const TempDir dir;
  write_directory_atomic(dir / "a" / "run", [&](const fs::path& temporary) {
    EXPECT_FALSE(fs::exists(dir / "a" / "run"));
    EXPECT_EQ(temporary.parent_path(), dir / "a") << "a sibling, so that the rename stays on one disk";
    EXPECT_EQ(temporary.filename().string()[0], '.') << "hidden from who lists the folder meanwhile";
    write_file_atomic(temporary / "one", "1");
    fs::create_directories(temporary / "deep" / "er");
    write_file_atomic(temporary / "deep" / "er" / "two", "2");
    fs::create_symlink("nowhere", temporary / "link");
  });
  EXPECT_EQ(read_file(dir / "a" / "run" / "one"), "1");
  EXPECT_EQ(read_file(dir / "a" / "run" / "deep" / "er" / "two"), "2");
  EXPECT_EQ(names_in(dir / "a"), std::set<std::string>{"run"});
}

TEST(AtomicDirectory, ReplacesAnOlderOne) {
  const TempDir dir;
  dir.write("run/old", "o");
  write_directory_atomic(dir / "run", [&](const fs::path& temporary) {
    EXPECT_TRUE(fs::exists(dir / "run" / "old")) << "the old one stays until the new one is whole";
    EXPECT_TRUE(fs::is_empty(temporary));
    write_file_atomic(temporary / "new", "n");
  });
  EXPECT_EQ(names_in(dir / "run"), std::set<std::string>{"new"});
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"run"});
}

TEST(AtomicDirectory, AFailureLeavesNothingBehind) {
  const TempDir dir;
  dir.write("kept/file", "old");
  for (const char* name : {"kept", "new"}) {
    const auto fail_with = [&](auto exception) {
      write_directory_atomic(dir / name, [&](const fs::path& temporary) {
        write_file_atomic(temporary / "half", "h");
        throw exception;
      });
    };
    EXPECT_THROW(fail_with(std::runtime_error("no")), std::runtime_error);
    EXPECT_THROW(fail_with(3), int);
    expect_error([&] { fail_with(Error("the cause")); }, ExitCode::kFailed, {"the cause"});
    expect_error([&] { fail_with(fs::filesystem_error("raw", std::make_error_code(std::errc::no_space_on_device))); },
                 ExitCode::kFailed, {"cannot write " + (dir / name).string(), "No space"});
  }
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"kept"});
  EXPECT_EQ(read_file(dir / "kept" / "file"), "old");
}

TEST(AtomicDirectory, FullDiskKeepsTheOldOne) {
  const TempDir dir;
  dir.write("run/file", "old");
  {
    const test::ScopedFileSizeLimit full(1000);
    expect_error(
        [&] {
          write_directory_atomic(dir / "run", [](const fs::path& t) { write_file_atomic(t / "file", std::string(5000, 'x')); });
        },
        ExitCode::kFailed, {"free space"});
  }
  EXPECT_EQ(read_file(dir / "run" / "file"), "old");
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"run"});
}

TEST(AtomicDirectory, ClearsItsOwnLeftovers) {
  const TempDir dir;
  dir.write(".run.tmp" + std::to_string(::getpid()) + "/half", "h");
  write_directory_atomic(dir / "run", [](const fs::path& temporary) { EXPECT_TRUE(fs::is_empty(temporary)); });
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"run"});
}

TEST(ReadFile, WhatCannotBeRead) {
  const TempDir dir;
  expect_error([&] { read_file(dir / "absent"); }, ExitCode::kFailed,
               {"cannot read " + (dir / "absent").string(), "No such file"});
  expect_error([&] { read_file(dir.path()); }, ExitCode::kFailed, {dir.path(), "it is a folder"});
  fs::create_symlink("loop", dir / "loop");
  expect_error([&] { read_file(dir / "loop"); }, ExitCode::kFailed, {(dir / "loop").string()});
  expect_error([&] { read_file(dir / std::string(300, 'n')); }, ExitCode::kFailed, {"too long"});
  expect_error([&] { sync_path(dir / "absent"); }, ExitCode::kFailed, {(dir / "absent").string()});
}

TEST(ReadFile, ComesInPieces) {
  const TempDir dir;
  std::string bytes(2500000, 'x'), joined;
  bytes[1 << 20] = '\0';
  size_t pieces = 0;
  for_each_chunk(dir.write("file", bytes), [&](std::string_view piece) {
    EXPECT_LE(piece.size(), size_t{1} << 20);
    joined += piece;
    ++pieces;
  });
  EXPECT_EQ(joined, bytes);
  EXPECT_GE(pieces, 3u);
}

TEST(MakeDirectories, ExistingIsFineAFileIsNot) {
  const TempDir dir;
  make_directories(dir / "a" / "b");
  make_directories(dir / "a" / "b");
  EXPECT_TRUE(fs::is_directory(dir / "a" / "b"));
  dir.write("file", "");
  expect_error([&] { make_directories(dir / "file"); }, ExitCode::kFailed, {(dir / "file").string(), "Not a directory"});
  expect_error([&] { make_directories(dir / "file" / "b"); }, ExitCode::kFailed, {(dir / "file/b").string()});
}

}  // namespace
}  // namespace fsc
