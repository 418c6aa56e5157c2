// Hostile and damaged checkpoints: other formats, archives whose numbers lie, pickles that would run commands or never end.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/checkpoint_file.h"
#include "io/checkpoint_bytes.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using namespace test::words;
using test::checkpoint_golden;
using test::checkpoint_parts;
using test::expect_pickle_refused;
using test::expect_refused;
using test::four_floats;
using test::pickled;
using test::read_bytes;
using test::TempDir;
using test::zip_bytes;
using test::ZipPart;

std::string good_state() { return dict(text("w") + tensor(four_floats(), 0, {2, 2}, {2, 1})); }

TEST(CheckpointBadInput, OtherFormatsAreNamed) {
  test::expect_error([] { read_checkpoint_file(checkpoint_golden("legacy.pt")); }, ExitCode::kFailed,
                     {"before PyTorch 1.6", "torch.save(torch.load('" + checkpoint_golden("legacy.pt").string()});
  EXPECT_FALSE(is_checkpoint_file(checkpoint_golden("legacy.pt")));
  expect_refused("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 605\n", {"git lfs pull"});
  expect_refused(std::string(257, 'x') + "ustar" + std::string(300, '\0'), {"tar archive"});
  expect_refused("\x1F\x8B\x08 gzip", {"gzip"});
  expect_refused("<!DOCTYPE html><html>", {"web page"});
  expect_refused("", {"empty"});
  expect_refused("plain text, and quite long enough", {"safetensors"});
  const TempDir dir;
  test::expect_error([&] { read_checkpoint_file(dir.path()); }, ExitCode::kFailed, {"a folder"});
  test::expect_error([&] { read_checkpoint_file(dir / "absent"); }, ExitCode::kFailed, {"absent"});
  EXPECT_FALSE(is_checkpoint_file(dir.path()));
  EXPECT_FALSE(is_checkpoint_file(dir / "absent"));
  EXPECT_FALSE(is_checkpoint_file(dir.write("config.json", "{}")));
}

TEST(CheckpointBadInput, NothingIsEverRun) {
  const fs::path mark = fs::current_path() / "fsc-checkpoint-was-run";
  test::expect_error([] { read_checkpoint_file(checkpoint_golden("command.pt")); }, ExitCode::kFailed,
                     {"posix.system", "refused", "do not load"});
  EXPECT_FALSE(fs::exists(mark));
  const std::string call = global("os", "system") + tuple(text("touch fsc-checkpoint-was-run")) + "R";
  expect_pickle_refused(call, {"os.system"});
  expect_pickle_refused(dict(text("w") + call), {"os.system"});
  for (const std::string name : {"eval", "exec", "getattr", "__import__", "open", "compile"})
    expect_pickle_refused(dict(text("w") + global("builtins", name)), {"builtins." + name});
  expect_pickle_refused(text("subprocess") + text("Popen") + "\x93", {"subprocess.Popen"});
  expect_pickle_refused(global("torch.hub", "load"), {"torch.hub.load", "weights.pt"});
  expect_pickle_refused(global("__torch__", "Module"), {"__torch__.Module"});  // only in TorchScript archives
  test::expect_error([] { read_checkpoint_file(checkpoint_golden("whole_model.pt")); }, ExitCode::kFailed,
                     {"__main__.TinyClip", "state_dict()"});
  EXPECT_FALSE(fs::exists(mark));
}

// --- zip archives -----------------------------------------------------------------------------------------------------

TEST(ZipBadInput, EveryTruncationIsRefused) {
  const std::string bytes = read_file(checkpoint_golden("bare.pt"));
  const TempDir dir;
  for (size_t size = 0; size < bytes.size(); size += 7)
    EXPECT_THROW(read_checkpoint_file(dir.write("cut.pt", bytes.substr(0, size))), Error) << size;
}

TEST(ZipBadInput, EveryFlippedWeightIsNoticed) {
  const std::string good = zip_bytes(checkpoint_parts(pickled(good_state())));
  const size_t at = good.find(std::string("\0\0\x80\x3F", 4));
  for (size_t bit = 0; bit < 128; ++bit) {
    std::string bytes = good;
    bytes[at + bit / 8] = static_cast<char>(bytes[at + bit / 8] ^ 1 << bit % 8);
    expect_refused(bytes, {"'m/data/0'", "checksum"});
  }
}

TEST(ZipBadInput, EntriesThatLie) {
  const auto with = [](const std::function<void(std::vector<ZipPart>&)>& change, const std::vector<std::string>& parts) {
    auto entries = checkpoint_parts(pickled(good_state()));
    change(entries);
    expect_refused(zip_bytes(entries), parts);
  };
  with([](auto& e) { e[2].method = 8; }, {"'m/data/0' is compressed", "torch.save("});
  with([](auto& e) { e[2].method = 8, e[2].size = 0xFFFFFFF0; }, {"'m/data/0' is compressed"});  // a zip bomb
  with([](auto& e) { e[0].method = 8; }, {"'m/data.pkl' is compressed"});
  with([](auto& e) { e[2].flags = 1; }, {"encrypted"});
  with([](auto& e) { e[2].size = 17; }, {"two sizes"});
  with([](auto& e) { e[2].size = e[2].stored = 1 << 20; }, {"reaches beyond the data"});
  with([](auto& e) { e[0].size = e[0].stored = e[0].size + 40; }, {"'m/byteorder' overlaps"});
  with([](auto& e) { e[1].shift = 1; }, {"another header in its place"});
  with([](auto& e) { e[2].shift = 0x7FFFFFFF; }, {"begins outside the file"});
  with([](auto& e) { e[2].local_name = "m/data/1"; }, {"another header in its place"});
  with([](auto& e) { e.push_back(e[2]); }, {"'m/data/0' twice"});
  with([](auto& e) { e.push_back({"n/data.pkl", "."}); }, {"two models"});
  with([](auto& e) { e.erase(e.begin()); }, {"without a data.pkl"});
  with([](auto& e) { e.pop_back(); }, {"'m/data/0', which is missing"});
  with([](auto& e) { e[1] = {"m/byteorder", "big"}; }, {"big-endian"});
  for (const std::string name : {"../evil", "m/../../evil", "/etc/passwd", "m//x", "m/./x", "m\\x", "c:x", "m/\n", ""})
    with([&](auto& e) { e.push_back({name, "x"}); }, {"zip entry", "has a", "refused"});
  for (const uint64_t lie : {1, 1000, -1, -3})
    expect_refused(zip_bytes(checkpoint_parts(pickled(good_state())), lie), {"directory"});
}

TEST(ZipBadInput, EndRecordsThatLie) {
  const std::string good = read_file(checkpoint_golden("bare.pt"));  // PyTorch writes both records
  const size_t record = good.rfind("PK\6\6"), locator = good.rfind("PK\6\7"), end = good.rfind("PK\5\6");
  const auto with = [&](size_t at, uint64_t value, size_t width) {
    std::string bytes = good;
    bytes.replace(at, width, test::little(value, width));
    expect_refused(bytes, {"zip"});
  };
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, ~uint64_t{0}, ~uint64_t{0} - 55}) {
    with(locator + 8, value, 8);
    for (const size_t field : {4, 24, 32, 40, 48}) with(record + field, value, 8);
  }
  with(end + 10, 3, 2);
  with(end + 12, 3, 4);
  with(end + 16, 3, 4);
  with(end + 4, 1, 2);
}

// --- pickles ----------------------------------------------------------------------------------------------------------

TEST(PickleBadInput, TensorsOutsideTheirStorage) {
  const auto with = [](const std::string& value, const std::vector<std::string>& parts) {
    expect_pickle_refused(dict(text("w") + value), parts);
  };
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const auto& [offset, size, stride] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{1, 4, 1},
                                                                                               {0, 5, 1},
                                                                                               {0, 2, 4},
                                                                                               {4, 1, 1},
                                                                                               {-1, 1, 1},
                                                                                               {most, 1, 1},
                                                                                               {0, most, 1},
                                                                                               {0, 2, most},
                                                                                               {0, most, most},
                                                                                               {1, 2, most},
                                                                                               {most, 2, most},
                                                                                               {5, 0, 1}})
    with(tensor(four_floats(), offset, {size}, {stride}), {"'w'", "outside its storage"});
  with(tensor(four_floats(), 0, {most, 0, most}, {0, 0, 0}), {"outside its storage"});
  with(tensor(four_floats(), 0, {-1}, {1}), {"negative number -1 in its sizes"});
  with(tensor(four_floats(), 0, {2}, {-1}), {"negative number -1 in its strides"});
  with(tensor(four_floats(), 0, {2}, {1, 1}), {"sizes and strides"});
  with(tensor(four_floats(), 0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)), {"no sound sizes"});
  with(tensor(four_floats(), 0, {1 << 30}, {0}), {"share their bytes so often"});
  with(tensor(storage("FloatStorage", "0", 5), 0, {4}, {1}), {"storage of 5 elements", "16 bytes"});
  with(tensor(storage("FloatStorage", "0", -1), 0, {4}, {1}), {"storage of -1 elements"});
  with(tensor(storage("FloatStorage", "0", most), 0, {4}, {1}), {"storage of"});
  with(tensor(storage("FloatStorage", "7", 4), 0, {4}, {1}), {"'m/data/7', which is missing"});
  with(tensor(storage("FloatStorage", "../data.pkl", 4), 0, {4}, {1}), {"'../data.pkl'"});
  with(tensor(storage("ComplexFloatStorage", "0", 2), 0, {2}, {1}), {"'ComplexFloatStorage'", "not supported"});
  with(tensor(storage("BoolStorage", "0", 16), 0, {16}, {1}), {"neither 0 nor 1"});
  with(tensor("N", 0, {4}, {1}), {"no storage"});
  with(tensor("N"
              "Q",
              0, {4}, {1}),
       {"storage that is described"});
  test::expect_error([] { read_checkpoint_file(checkpoint_golden("float8.pt")); }, ExitCode::kFailed,
                     {"'narrow'", "float8_e4m3fn"});
}

TEST(PickleBadInput, NonsenseIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "instead of one"},
      {"NN", "instead of one"},
      {"(N", "instead of one"},
      {"t", "never opened"},
      {"R", "not there"},
      {"a", "not there"},
      {"Na", "not there"},
      {"]N(a", "not there"},
      {"NNa", "no container"},
      {"}(Nu", "key without a value"},
      {"\x85", "not there"},
      {"h\1", "refers to"},
      {"Nq\5", "out of order"},
      {std::string("Nr\xFF\xFF\xFF\xFF", 6), "out of order"},
      {"X\xFF\xFF\xFF\xFFx", "cut off"},
      {"\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx", "cut off"},
      {"\x8E" + std::string(8, '\xFF'), "cut off"},
      {"\x8B\xFF\xFF\xFF\xFF", "cut off"},
      {"\x80\x01", "protocol 1"},
      {"\x80\x07", "protocol 7"},
      {"i", "opcode 0x69"},
      {"\x82\x01", "opcode 0x82"},
      {"c" + std::string(600, 'x'), "without an end"},
      {"NN\x93", "no text"},
      {"N)R", "no function"},
      {global("collections", "OrderedDict") + "NR", "list of arguments"},
      {"Q", "not there"},
      {"b", "not there"}};
  for (const auto& [value, part] : cases) expect_pickle_refused(value, {"the pickle in it", part});
  expect_refused(zip_bytes({{"m/data.pkl", "\x80\x02N"}}), {"cut off"});
  expect_refused(zip_bytes({{"m/data.pkl", ""}}), {"cut off"});
}

TEST(PickleBadInput, StructuresThatContainThemselvesAndDeepOnes) {
  const std::string weight = text("w") + tensor(four_floats(), 0, {4}, {1});
  const std::string deep(1 << 16, ']');
  std::string nested = deep;
  nested.append((1 << 16) - 1, 'a');
  EXPECT_EQ(read_bytes(zip_bytes(checkpoint_parts(pickled(dict(weight + text("deep") + nested))))).size(), 1u);
  const std::string self = "}q" + std::string(1, '\0') + "(" + weight + text("self") + "h" + std::string(1, '\0') + "u";
  expect_pickle_refused(self, {"'self'", "flat state dict"});
  EXPECT_EQ(read_bytes(zip_bytes(checkpoint_parts(pickled(dict(weight + text("loop") + "]q" + '\0' + "h" + '\0' + "a"))))).size(),
            1u);
}

TEST(PickleBadInput, BombsOfReferencesStaySmall) {
  // Each dict holds the one before ten times: a billion entries after nine. Nothing ever unfolds it.
  std::string bomb = "]q" + std::string(1, '\0') + "0";
  for (char level = 1; level < 30; ++level) {
    bomb += "](";
    for (int i = 0; i < 10; ++i) bomb += std::string("h") + static_cast<char>(level - 1);
    bomb += std::string("eq") + level + "0";
  }
  bomb += std::string("h") + static_cast<char>(29);
  EXPECT_EQ(
      read_bytes(zip_bytes(checkpoint_parts(pickled(dict(text("w") + tensor(four_floats(), 0, {4}, {1}) + text("bomb") + bomb)))))
          .size(),
      1u);
  // The same of TorchScript's modules, whose names do unfold.
  const auto module = [](const std::string& attributes) { return global("__torch__", "M") + ")\x81" + dict(attributes) + "b"; };
  std::string tree = module("") + "q" + std::string(1, '\0') + "0";
  for (char level = 1; level < 40; ++level) {
    std::string children;
    for (const std::string name : {"a", "b", "c"}) children += text(name) + "h" + static_cast<char>(level - 1);
    tree += module(children) + "q" + level + "0";
  }
  auto parts = checkpoint_parts(pickled(tree + "h" + static_cast<char>(39)));
  parts.push_back({"m/constants.pkl", pickled(")")});
  expect_refused(zip_bytes(parts), {"more modules than"});
  // A module that contains itself.
  const std::string cycle = global("__torch__", "M") + ")\x81q" + '\0' + dict(text("me") + "h" + '\0') + "b";
  parts[0] = {"m/data.pkl", pickled(cycle)};
  expect_refused(zip_bytes(parts), {"nests its modules too deeply"});
}

TEST(PickleBadInput, NamesTwice) {
  const std::string weight = text("w") + tensor(four_floats(), 0, {4}, {1});
  expect_pickle_refused(dict(weight + weight), {"'w' twice"});
  expect_pickle_refused(dict(integer(3) + tensor(four_floats(), 0, {4}, {1})), {"no text"});
}

}  // namespace
}  // namespace fsc
