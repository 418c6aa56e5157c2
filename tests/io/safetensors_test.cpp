// safetensors: round trips, bytes as the format wants them, and every kind of damaged or hostile header.
#include "fsc/io/safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

std::string file_bytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

std::string length_prefix(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes;
}

/// The message of the Error both readers must throw for these bytes.
std::string refusal(const std::string& bytes) {
  const TempDir dir;
  const auto path = dir.write("model.safetensors", bytes);
  std::string message;
  try {
    read_safetensors_header(path);
    ADD_FAILURE() << "the header was accepted";
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(error.code(), ExitCode::kFailed);
    EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  }
  EXPECT_THROW(read_safetensors(path), Error);
  return message;
}

void expect_refused(const std::string& header, const std::string& data, const std::string& part) {
  const std::string message = refusal(file_bytes(header, data));
  EXPECT_NE(message.find(part), std::string::npos) << "header: " << header << "\nmessage: " << message;
}

StateDict small_state() {
  StateDict state;
  state.add("flags", torch::tensor({1, 0, 1}, torch::kBool));
  state.add("weight", torch::arange(6, torch::kFloat32).view({2, 3}));
  state.add("scale", torch::tensor(2.5, torch::kFloat64));
  state.add("none", torch::empty({0, 4}, torch::kFloat32));
  state.metadata["format"] = "pt";
  state.metadata["note"] = "caf\xC3\xA9 \"quoted\"";
  return state;
}

TEST(Safetensors, RoundTripKeepsOrderDtypesShapesValuesAndMetadata) {
  const TempDir dir;
  StateDict state = small_state();
  const std::vector<torch::ScalarType> dtypes = {torch::kHalf,  torch::kBFloat16, torch::kInt64, torch::kInt32,
                                                 torch::kInt16, torch::kInt8,     torch::kUInt8};
  for (const auto dtype : dtypes) state.add(std::string("d.") + torch::toString(dtype), torch::arange(5).to(dtype));
  state.add("transposed", torch::arange(6, torch::kFloat32).view({2, 3}).t());
  write_safetensors(dir / "a.safetensors", state);
  const StateDict read = read_safetensors(dir / "a.safetensors");
  const StateDict header = read_safetensors_header(dir / "a.safetensors");
  EXPECT_EQ(read.metadata, state.metadata);
  EXPECT_EQ(header.metadata, state.metadata);
  ASSERT_EQ(read.size(), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(read.entries()[i].first, state.entries()[i].first);
    EXPECT_EQ(read.entries()[i].second.scalar_type(), state.entries()[i].second.scalar_type());
    EXPECT_TRUE(torch::equal(read.entries()[i].second, state.entries()[i].second)) << state.entries()[i].first;
    EXPECT_EQ(header.entries()[i].first, state.entries()[i].first);
    EXPECT_EQ(header.entries()[i].second.sizes(), state.entries()[i].second.sizes());
    EXPECT_EQ(header.entries()[i].second.scalar_type(), state.entries()[i].second.scalar_type());
    EXPECT_TRUE(header.entries()[i].second.is_meta());
  }
}

TEST(Safetensors, BytesAreDeterministicAlignedAndAsTheFormatSays) {
  const TempDir dir;
  write_safetensors(dir / "a.safetensors", small_state());
  write_safetensors(dir / "b.safetensors", small_state());
  const std::string bytes = read_file(dir / "a.safetensors");
  EXPECT_EQ(bytes, read_file(dir / "b.safetensors"));
  const size_t length = static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]);
  EXPECT_EQ(length % 8, 0u);
  // Eight-byte elements first, so that every tensor starts at a multiple of its element size.
  const std::string expected =
      "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"caf\xC3\xA9 \\\"quoted\\\"\"},"
      "\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[32,35]},"
      "\"weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
      "\"scale\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
      "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[32,32]}}";
  const std::string header = bytes.substr(8, length);
  EXPECT_EQ(header.substr(0, expected.size()), expected);
  EXPECT_EQ(header.find_first_not_of(' ', expected.size()), std::string::npos);
  EXPECT_EQ(bytes.size(), 8 + length + 35);
}

TEST(Safetensors, EmptyStateIsAFile) {
  const TempDir dir;
  write_safetensors(dir / "a.safetensors", StateDict());
  EXPECT_EQ(read_safetensors(dir / "a.safetensors").size(), 0u);
}

TEST(Safetensors, ReadsAFileOfThePythonLibrary) {
  const StateDict golden = read_safetensors(std::string(FSC_TEST_DATA) + "/golden/tiny_model.safetensors");
  ASSERT_NE(golden.find("ids"), nullptr);
  EXPECT_EQ(golden.find("ids")->sizes(), (std::vector<int64_t>{4, 77}));
  EXPECT_EQ(golden.find("ids")->scalar_type(), torch::kInt64);
  EXPECT_EQ(golden.find("ids")->max().item<int64_t>(), 511);
  EXPECT_EQ(golden.find("tiny/image_features")->sizes(), (std::vector<int64_t>{3, 32}));
}

TEST(Safetensors, ReadsTensorsWhereverTheyLie) {  // the format asks for no alignment
  const TempDir dir;
  const float value = 1.5F;
  const std::string data = std::string("\1", 1) + std::string(reinterpret_cast<const char*>(&value), 4);
  const auto path = dir.write(
      "a", file_bytes(
               R"({"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})",
               data));
  const StateDict state = read_safetensors(path);
  EXPECT_EQ(state.find("f")->item<float>(), 1.5F);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(state.find("f")->data_ptr()) % sizeof(float), 0u);
  EXPECT_TRUE(state.find("b")->item<bool>());
}

TEST(Safetensors, AHeaderLengthThatLooksLikeAPickleIsRead) {
  const TempDir dir;
  std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize(0x0280, ' ');  // the length's bytes are those of a pickle's start, 80 02
  EXPECT_EQ(read_safetensors(dir.write("a", file_bytes(header, "x"))).size(), 1u);
}

TEST(SafetensorsBadInput, Lengths) {
  EXPECT_NE(refusal("").find("too few"), std::string::npos);
  EXPECT_NE(refusal("1234567").find("too few"), std::string::npos);
  EXPECT_NE(refusal(length_prefix(uint64_t{1} << 40) + "{}").find("1099511627776"), std::string::npos);
  EXPECT_NE(refusal(length_prefix(~uint64_t{0}) + "{}").find("announced"), std::string::npos);
  EXPECT_NE(refusal(length_prefix(100) + "{}").find("truncated"), std::string::npos);
  EXPECT_NE(refusal(length_prefix(0)).find("not valid JSON"), std::string::npos);
}

TEST(SafetensorsBadInput, Json) {
  expect_refused("{", "", "not valid JSON");
  expect_refused("{}x", "", "not valid JSON");
  expect_refused("\xFF\xFE", "", "not valid JSON");
  expect_refused("[]", "", "header has a list");
  expect_refused("3", "", "header has a number");
  expect_refused(R"({"a":3})", "", "tensor 'a' has a number");
  expect_refused(R"({"a":[[[[[[[[]]]]]]]]})", "", "tensor 'a' has a list");
  expect_refused(R"({"a":null})", "", "tensor 'a' has null");
  expect_refused(std::string(1'000'000, '['), "", "header has a list");
  expect_refused(R"({"a":{"b":{}}})", "", "tensor 'a' an object where none belongs");
  expect_refused(R"({"__metadata__":{"n":1}})", "", "__metadata__ has a number in field 'n'");
  expect_refused(R"({"__metadata__":{"n":"1","n":"2"}})", "", "__metadata__ has 'n' twice");
  expect_refused(R"({"__metadata__":"x"})", "", "__metadata__ has a text");
}

TEST(SafetensorsBadInput, Fields) {
  const std::string tail = R"(,"data_offsets":[0,4]}})";
  expect_refused(R"({"a":{"shape":[1])" + tail, "1234", "tensor 'a' has no dtype");
  expect_refused(R"({"a":{"dtype":"F32")" + tail, "1234", "tensor 'a' has no shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1]}})", "1234", "tensor 'a' has no data_offsets");
  expect_refused(R"({"a":{"dtype":"F8_E4M3","shape":[4])" + tail, "1234",
                 "dtype 'F8_E4M3', which is not supported; supported are F64");
  expect_refused(R"({"a":{"dtype":4,"shape":[1])" + tail, "1234", "a number in field 'dtype'");
  expect_refused(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1])" + tail, "1234", "has dtype twice");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"shape":[1])" + tail, "1234", "has shape twice");
  expect_refused(R"({"a":{"dtype":"F32","shape":[-1])" + tail, "1234", "negative number -1 in shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1.0])" + tail, "1234", "'1.0' in shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":["1"])" + tail, "1234", "a text in field 'shape'");
  expect_refused(R"({"a":{"dtype":"F32","shape":1)" + tail, "1234", "a number in field 'shape'");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"stride":[1])" + tail, "1234", "a list in field 'stride'");
  expect_refused(R"({"a":{"dtype":"F32","shape":[2])" + tail, "1234", "of shape [2] takes 8 bytes, its data_offsets give 4");
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  expect_refused(R"({"a":{"dtype":"F32","shape":[)" + many + "]" + tail, "1234", "more than 64");
}

TEST(SafetensorsBadInput, ShapesThatOverflow) {
  const std::string tail = R"(,"data_offsets":[0,0]}})";
  expect_refused(R"({"a":{"dtype":"F32","shape":[9223372036854775807])" + tail, "", "absurd shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296])" + tail, "", "absurd shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,0])" + tail, "", "absurd shape");
  expect_refused(R"({"a":{"dtype":"F32","shape":[18446744073709551615])" + tail, "", "too large");
  expect_refused(R"({"a":{"dtype":"F32","shape":[99999999999999999999999])" + tail, "", "whole number below 2^63");
}

TEST(SafetensorsBadInput, Offsets) {
  const auto one = [](const std::string& offsets) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}";
  };
  expect_refused(one("[-4,0]"), "1234", "negative number -4 in data_offsets");
  expect_refused(one("[4,0]"), "1234", "before it begins");
  expect_refused(one("[0,8]"), "1234", "the file has 4");
  expect_refused(one("[0]"), "1234", "needs two data_offsets");
  expect_refused(one("[0,4,4]"), "1234", "needs two data_offsets");
  expect_refused(one("[0,4]"), "12345", "1 bytes at the end belong to no tensor");
  expect_refused(one("[1,5]"), "12345", "leaves a hole after the start");
  expect_refused(one("[0,4]"), "123", "truncated");
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first + R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" +
           second + "}}";
  };
  expect_refused(two("[0,2]", "[1,3]"), "123", "tensor 'b' overlaps tensor 'a'");
  expect_refused(two("[0,2]", "[0,2]"), "12", "overlaps");
  expect_refused(two("[0,2]", "[3,5]"), "12345", "tensor 'b' leaves a hole after tensor 'a'");
  expect_refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                 "12", "tensor 'a' appears twice");
}

TEST(SafetensorsBadInput, BoolBytes) {
  const TempDir dir;
  const auto path = dir.write("a", file_bytes(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", "\1\2"));
  EXPECT_THROW(read_safetensors(path), Error);
}

TEST(SafetensorsBadInput, OtherFormatsAreNamed) {
  EXPECT_NE(refusal("PK\x03\x04zip of tensors" + std::string(100, 'x')).find("fsc-model convert"), std::string::npos);
  EXPECT_NE(refusal("{\"weight_map\": {}}").find("fsc-model convert"), std::string::npos);
  for (const std::string head : {"\x80\x02\x8a\x0alF\xfc\x9c", "\x80\x04\x95 pickle.."}) {
    const std::string message = refusal(head + std::string(100, 'x'));
    EXPECT_NE(message.find("before PyTorch 1.6"), std::string::npos) << message;
    EXPECT_NE(message.find("torch.save(torch.load("), std::string::npos) << message;
  }
  EXPECT_NE(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 605\n").find("git lfs pull"),
            std::string::npos);
}

TEST(SafetensorsBadInput, NoFileAndFolder) {
  const TempDir dir;
  EXPECT_THROW(read_safetensors(dir / "absent.safetensors"), Error);
  EXPECT_THROW(read_safetensors(dir.path()), Error);
  EXPECT_THROW(write_safetensors(dir / "absent/model.safetensors", small_state()), Error);
}

}  // namespace
}  // namespace fsc
