// Checkpoints as PyTorch writes them, read bit by bit as PyTorch reads them; which dict is the state; indexes and shards.
#include "fsc/io/checkpoint_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "io/checkpoint_bytes.h"
#include "support/expect_error.h"
#include "support/golden.h"
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

/// PyTorch's names of dtypes.
const std::map<std::string, torch::ScalarType> kDtypes = {
    {"float64", torch::kFloat64}, {"float32", torch::kFloat32}, {"float16", torch::kFloat16}, {"bfloat16", torch::kBFloat16},
    {"int64", torch::kInt64},     {"int32", torch::kInt32},     {"int16", torch::kInt16},     {"int8", torch::kInt8},
    {"uint8", torch::kUInt8},     {"bool", torch::kBool}};

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, IsReadAsPyTorchReadsIt) {
  const std::string file = GetParam();
  const auto expected = test::read_golden_json("checkpoints/contents.json")[file];
  const auto values = test::read_golden("checkpoints/values.safetensors");
  const CheckpointFile read = read_checkpoint_file(checkpoint_golden(file));
  EXPECT_EQ(read.kind, file.starts_with("script") ? FileKind::kTorchScript : FileKind::kTorchZip);
  EXPECT_EQ(read.state.size(), expected["tensors"].size());
  for (const auto& [name, wanted] : expected["tensors"].items()) {
    SCOPED_TRACE(name);
    const torch::Tensor* tensor = read.state.find(name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->scalar_type(), kDtypes.at(wanted["dtype"]));
    EXPECT_EQ(tensor->sizes(), wanted["shape"].get<std::vector<int64_t>>());
    EXPECT_EQ(tensor->strides(), wanted["stride"].get<std::vector<int64_t>>());
    EXPECT_TRUE(torch::equal(tensor->to(torch::kFloat64), values.at(file + "/" + name)));
    EXPECT_FALSE(tensor->requires_grad());
  }
  EXPECT_EQ(read.state.metadata, (expected["metadata"].get<std::map<std::string, std::string>>()));
  EXPECT_TRUE(is_checkpoint_file(checkpoint_golden(file)));
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Golden,
                         testing::Values("bare.pt", "wrapped.pt", "dtypes.pt", "views.pt", "parameters.pt", "protocol5.pt",
                                         "unchecked.pt", "script.pt", "script_half.pt"),
                         [](const auto& info) { return std::string(info.param).substr(0, std::string(info.param).find('.')); });

TEST(CheckpointFile, KeepsTheFilesOrder) {
  const CheckpointFile read = read_checkpoint_file(checkpoint_golden("bare.pt"));
  std::vector<std::string> names;
  for (const auto& entry : read.state.entries()) names.push_back(entry.first);
  EXPECT_EQ(names, (std::vector<std::string>{"visual.proj", "logit_scale", "ids", "mask", "empty", "visual.ln.bias"}));
}

TEST(CheckpointFile, SharedStoragesShareMemoryAndTheFileIsNeverWritten) {
  const TempDir dir;
  const std::string bytes = read_file(checkpoint_golden("views.pt"));
  const auto path = dir.write("views.pt", bytes);
  const StateDict state = read_checkpoint_file(path).state;
  EXPECT_EQ(state.find("whole")->data_ptr(), state.find("same")->data_ptr());
  state.find("whole")->fill_(7);
  EXPECT_EQ(state.find("last")->item<float>(), 7);
  EXPECT_EQ(read_file(path), bytes);
}

TEST(CheckpointFile, TensorsOutliveTheFile) {
  auto dir = std::make_unique<TempDir>();
  const auto path = dir->write("bare.pt", read_file(checkpoint_golden("bare.pt")));
  const StateDict state = read_checkpoint_file(path).state;
  const torch::Tensor proj = *state.find("visual.proj");
  dir.reset();
  EXPECT_TRUE(
      torch::equal(proj.to(torch::kFloat64), test::read_golden("checkpoints/values.safetensors").at("bare.pt/visual.proj")));
}

TEST(CheckpointFile, UnalignedStoragesAreCopied) {
  for (const std::string pad : {"", "x", "xx", "xxx"}) {
    auto parts = checkpoint_parts(pickled(dict(text("w") + tensor(four_floats(), 1, {3}, {1}))));
    parts.insert(parts.begin(), ZipPart("m/pad", pad));
    const StateDict state = read_bytes(zip_bytes(parts));
    EXPECT_TRUE(torch::equal(*state.find("w"), torch::tensor({2.0F, 3.0F, 4.0F})));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(state.find("w")->data_ptr()) % sizeof(float), 0u) << pad;
  }
}

TEST(CheckpointFile, ACommentAfterTheDirectoryIsNoHindrance) {
  const StateDict state = read_bytes(
      zip_bytes(checkpoint_parts(pickled(dict(text("w") + tensor(four_floats(), 0, {2, 2}, {2, 1})))), 0, "PK\5\6 a comment"));
  EXPECT_TRUE(torch::equal(*state.find("w"), torch::tensor({{1.0F, 2.0F}, {3.0F, 4.0F}})));
}

TEST(CheckpointFile, PrefixesOfWrappersComeOffOnlyWhenAllHaveThem) {
  const std::string weight = tensor(four_floats(), 0, {4}, {1});
  const auto names = [&](const std::vector<std::string>& keys) {
    std::string items, read;
    for (const auto& key : keys) items += text(key) + weight;
    const StateDict state = read_bytes(zip_bytes(checkpoint_parts(pickled(dict(items)))));
    for (const auto& entry : state.entries()) read += entry.first + " ";
    return read;
  };
  EXPECT_EQ(names({"module.a", "module.module.b"}), "a module.b ");
  EXPECT_EQ(names({"module._orig_mod.a", "module._orig_mod.b"}), "a b ");
  EXPECT_EQ(names({"module.a", "b"}), "module.a b ");
}

TEST(CheckpointFile, TheStateIsFoundUnderItsUsualKeys) {
  const std::string weight = dict(text("w") + tensor(four_floats(), 0, {4}, {1}));
  for (const std::string key : {"state_dict", "model_state_dict", "model", "module"}) {
    const StateDict state =
        read_bytes(zip_bytes(checkpoint_parts(pickled(dict(text("epoch") + integer(3) + text(key) + weight)))));
    ASSERT_EQ(state.size(), 1u) << key;
    EXPECT_EQ(state.metadata.at("epoch"), "3");
  }
  expect_pickle_refused(dict(text("weights") + weight), {"'state_dict'", "it holds 'weights'"});
  expect_pickle_refused(dict(text("state_dict") + dict(text("visual") + weight + text("w") + tensor(four_floats(), 0, {4}, {1}))),
                        {"'visual'", "flat state dict"});
  expect_pickle_refused(dict(""), {"it holds nothing"});
  expect_pickle_refused(tensor(four_floats(), 0, {4}, {1}), {"one tensor", "state_dict()"});
  expect_pickle_refused("]", {"no dict of tensors"});
}

TEST(CheckpointFile, TorchScriptTellsItsActivation) {
  const auto module = [](const std::string& kind, const std::string& attributes) {
    return global("__torch__.clip.___torch_mangle_7", kind) + ")\x81" + dict(attributes) + "b";
  };
  const std::string weight = text("w") + tensor(four_floats(), 0, {4}, {1});
  for (const auto& [kind, name] :
       std::vector<std::pair<std::string, std::string>>{{"QuickGELU", "quick_gelu"}, {"GELU", "gelu"}}) {
    auto parts = checkpoint_parts(pickled(module("Clip", weight + text("width") + integer(8) + text("act") + module(kind, ""))));
    parts.push_back({"m/code/__torch__.py", "class Clip"});
    parts.back().method = 8, parts.back().size = 1000;  // PyTorch compresses the code, and nothing else
    const StateDict state = read_bytes(zip_bytes(parts));
    EXPECT_EQ(state.metadata, (std::map<std::string, std::string>{{"activation", name}, {"width", "8"}}));
  }
}

TEST(CheckpointFile, SafetensorsAreMappedAndStripped) {
  const TempDir dir;
  StateDict state;
  state.add("module.a", torch::arange(6, torch::kFloat32).view({2, 3}));
  state.add("module.flag", torch::tensor({true, false}));
  state.metadata["note"] = "x";
  write_safetensors(dir / "a.safetensors", state);
  const CheckpointFile read = read_checkpoint_file(dir / "a.safetensors");
  EXPECT_EQ(read.kind, FileKind::kSafetensors);
  EXPECT_EQ(read.state.metadata, state.metadata);
  EXPECT_TRUE(torch::equal(*read.state.find("a"), *state.find("module.a")));
  EXPECT_TRUE(torch::equal(*read.state.find("flag"), *state.find("module.flag")));
  read.state.find("a")->zero_();
  EXPECT_TRUE(torch::equal(*read_safetensors(dir / "a.safetensors").find("module.a"), *state.find("module.a")));
}

// --- shards -----------------------------------------------------------------------------------------------------------

StateDict shard(const std::vector<std::string>& names) {
  StateDict state;
  for (const auto& name : names) state.add(name, torch::full({2}, static_cast<double>(name.size())));
  return state;
}

/// An index beside two shards a = {x, yy} and b = {zzz}.
void expect_index(const std::string& index, const std::vector<std::string>& error) {
  const TempDir dir;
  write_safetensors(dir / "a.safetensors", shard({"x", "yy"}));
  write_safetensors(dir / "b.safetensors", shard({"zzz"}));
  write_safetensors(dir / "c.safetensors", shard({"zzz", "x"}));
  const auto path = dir.write("model.safetensors.index.json", index);
  EXPECT_TRUE(is_checkpoint_file(path));
  if (!error.empty()) return test::expect_error([&] { read_checkpoint_file(path); }, ExitCode::kFailed, error);
  const CheckpointFile read = read_checkpoint_file(path);
  EXPECT_EQ(read.kind, FileKind::kSafetensors);
  ASSERT_EQ(read.state.size(), 3u);
  EXPECT_EQ(read.state.entries()[0].first, "zzz");
  EXPECT_EQ(read.state.find("yy")->sum().item<double>(), 4);
}

TEST(ShardedIndex, JoinsItsShardsInItsOwnOrder) {
  expect_index(R"({"metadata": {"total_size": 24, "weight_map": "no"},
                   "weight_map": {"zzz": "b.safetensors", "x": "a.safetensors", "yy": "a.safetensors"}})",
               {});
}

TEST(ShardedIndex, JoinsTorchFiles) {
  const TempDir dir;
  fs::copy(checkpoint_golden("bare.pt"), dir / "one.bin");
  fs::copy(checkpoint_golden("dtypes.pt"), dir / "two.bin");
  nlohmann::json index;
  const auto contents = test::read_golden_json("checkpoints/contents.json");
  for (const auto& item : contents["bare.pt"]["tensors"].items()) index["weight_map"][item.key()] = "one.bin";
  for (const auto& item : contents["dtypes.pt"]["tensors"].items()) index["weight_map"][item.key()] = "two.bin";
  const CheckpointFile read = read_checkpoint_file(dir.write("pytorch_model.bin.index.json", index.dump()));
  EXPECT_EQ(read.kind, FileKind::kTorchZip);
  EXPECT_EQ(read.state.size(), 15u);
}

TEST(ShardedIndex, WrongOnesAreNamed) {
  const std::string a = R"("x": "a.safetensors", "yy": "a.safetensors")";
  expect_index("{\"weight_map\": {" + a + R"(, "zzz": "d.safetensors"}})", {"the shard 'd.safetensors' is missing"});
  expect_index("{\"weight_map\": {" + a + R"(, "zzz": "a.safetensors"}})", {"'zzz' is not in 'a.safetensors'"});
  expect_index(R"({"weight_map": {"x": "a.safetensors"}})", {"'a.safetensors' holds tensor 'yy'", "does not list"});
  expect_index("{\"weight_map\": {" + a + R"(, "zzz": "c.safetensors"}})",
               {"'x' lies in 'c.safetensors'", "says 'a.safetensors', where it lies too"});
  expect_index("{\"weight_map\": {" + a + R"(, "x": "b.safetensors"}})", {"'x' is listed twice", "'b.safetensors'"});
  expect_index(R"({"weight_map": {"x": 3}})", {"the shard of tensor 'x' is no text"});
  expect_index(R"({"weight_map": {}})", {"names no tensor"});
  expect_index(R"({"weight_map": {"x": "a.safetensors"}, "weight_map": {}})", {"twice"});
  expect_index(R"({"architectures": ["CLIPModel"]})", {"no index of a sharded model"});
  expect_index(R"({"weight_map": {"x": "a.safe)", {"not valid JSON"});
  expect_index("{\"weight_map\": {\"x\": \"model.safetensors.index.json\"}}", {"is an index itself"});
}

TEST(ShardedIndex, ShardsStandBesideIt) {
  for (const std::string name : {"../a.safetensors", "/etc/passwd", "..", "", "sub/a.safetensors", "c:a", "a\\\\b", "a\\u0000b"})
    expect_index("{\"weight_map\": {\"x\": \"" + name + "\"}}", {"'x'", "no plain file name"});
}

}  // namespace
}  // namespace fsc
