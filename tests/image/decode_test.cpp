// Decoding against PIL's pixels, and every way in which a file can be unusable.
#include "fsc/image/decode.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "support/golden.h"

namespace fsc {
namespace {

const std::string kImages = std::string(FSC_TEST_DATA) + "/images/";

std::string file(const std::string& name) { return read_file(kImages + name); }

/// The message with which `bytes` are refused; "" if they are accepted.
std::string refusal(const std::string& bytes) {
  try {
    decode_image(bytes, "sample 17");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

void expect_refused(const std::string& bytes, const std::string& cause) {
  const std::string message = refusal(bytes);
  EXPECT_NE(message.find(cause), std::string::npos) << "got: '" << message << "'";
  EXPECT_EQ(message.find("sample 17: "), 0u) << message;
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

/// A PNG chunk with its checksum.
std::string chunk(const std::string& type, const std::string& data) {
  uint32_t crc = ~0u;
  for (const char b : type + data) {
    crc ^= static_cast<uint8_t>(b);
    for (int k = 0; k < 8; ++k) crc = (crc & 1) ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
  }
  return big_endian(static_cast<uint32_t>(data.size())) + type + data + big_endian(~crc);
}

std::string header(uint32_t width, uint32_t height, char depth, char color_type) {
  return chunk("IHDR", big_endian(width) + big_endian(height) + depth + color_type + std::string(3, '\0'));
}

const std::string kSignature = "\x89PNG\r\n\x1a\n";
constexpr size_t kHeaderEnd = 33;  // signature and IHDR

std::vector<std::string> golden_files() {
  std::vector<std::string> names;
  const auto golden = test::read_golden_json("pixels.json");
  for (const auto& [name, entry] : golden.at("files").items()) {
    if (!entry.contains("error")) names.push_back(name);
  }
  return names;
}

TEST(Decode, EveryKindOfFileEqualsPil) {
  const auto golden = test::read_golden("pixels.safetensors");
  const auto names = golden_files();
  EXPECT_GE(names.size(), 20u);
  for (const auto& name : names) {
    const auto rgb = decode_image_file(kImages + name);
    ASSERT_TRUE(rgb.is_contiguous());
    EXPECT_TRUE(torch::equal(rgb, golden.at("rgb/" + name))) << name;
  }
}

TEST(Decode, RefusesWhatPilRefuses) {
  const auto golden = test::read_golden_json("pixels.json");
  int refused = 0;
  for (const auto& [name, entry] : golden.at("files").items()) {
    if (entry.contains("error")) {
      EXPECT_THROW(decode_image_file(kImages + name), Error) << name;
      ++refused;
    }
  }
  EXPECT_GE(refused, 3) << "tests/data/images/broken";
  expect_refused("", "empty");
  expect_refused("This is not an image.\n", "not a JPEG, PNG or WebP");
  expect_refused("GIF89a and so on", "not a JPEG, PNG or WebP");
  try {
    decode_image_file(kImages + "no/such.jpg");
    FAIL() << "a missing file was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no/such.jpg"), std::string::npos);
  }
}

TEST(Decode, TruncatedJpegIsRefusedWhereverItEnds) {
  for (const char* name : {"rgb420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg"}) {
    const std::string whole = file(name);
    for (size_t percent = 1; percent <= 95; percent += 2) {
      const std::string cut = whole.substr(0, whole.size() * percent / 100);
      EXPECT_NE(refusal(cut), "") << name << " cut at " << percent << "%";
    }
  }
  expect_refused(file("large.jpg").substr(0, 6000), "truncated JPEG");
}

TEST(Decode, JpegEndsWherePilSaysItEnds) {
  // Without the end marker libjpeg yields the last rows only if they need no rows below them: PIL reads one of these, not the
  // other.
  const std::string complete = file("orientation6.jpg"), waiting = file("rgb420.jpg");
  const auto expected = decode_image(complete, "whole");
  EXPECT_TRUE(torch::equal(decode_image(complete.substr(0, complete.size() - 2), "no end"), expected));
  EXPECT_TRUE(torch::equal(decode_image(complete + "trailing bytes", "more"), expected));
  expect_refused(waiting.substr(0, waiting.size() - 2), "truncated JPEG");
}

TEST(Decode, DamagedJpegHeaderNamesTheCause) {
  std::string bytes = file("rgb420.jpg");
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  std::string huge = bytes;
  huge.replace(frame + 5, 4, "\xff\xdc\xff\xdc");
  expect_refused(huge, "more than the limit");
  std::string precise = bytes;
  precise[frame + 4] = 12;
  expect_refused(precise, "damaged JPEG");
  expect_refused("\xff\xd8\xff", "truncated JPEG");
}

TEST(Decode, PngIsCheckedChunkByChunk) {
  const std::string whole = file("rgb.png");
  const auto expected = decode_image(whole, "whole");
  for (const size_t kept : {size_t{8}, size_t{20}, kHeaderEnd, whole.size() / 2, whole.size() - 25}) {
    expect_refused(whole.substr(0, kept), "truncated PNG");
  }
  EXPECT_TRUE(torch::equal(decode_image(whole.substr(0, whole.size() - 12), "no IEND"), expected));
  std::string flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  expect_refused(flipped, "checksum");
  const std::string rest = whole.substr(kHeaderEnd);
  expect_refused(kSignature + rest, "no header");
  expect_refused(kSignature + header(37, 29, 3, 2) + rest, "colour type");
  expect_refused(kSignature + header(37, 29, 8, 3) + rest, "no palette");
  expect_refused(kSignature + header(0, 29, 8, 2) + rest, "0 x 29");
}

TEST(Decode, PngBombsAreRefusedByTheirHeader) {
  const std::string rest = file("rgb.png").substr(kHeaderEnd);
  expect_refused(kSignature + header(30000, 30000, 8, 2) + rest, "more than the limit");
  expect_refused(kSignature + header(0xffffffff, 0xffffffff, 8, 2) + rest, "more than the limit");
  expect_refused(kSignature + header(13000, 13000, 8, 2) + rest, "too little data");  // below the limit, yet impossible
}

TEST(Decode, PngMetadataChangesNoPixelAndPrintsNothing) {
  const std::string whole = file("rgb.png");
  const std::string gamma = chunk("gAMA", big_endian(100000)), profile = chunk("iCCP", "broken profile");
  const std::string transparent = chunk("tRNS", std::string("\0\1\0\1\0\1", 6));
  ::testing::internal::CaptureStderr();
  const auto image = decode_image(whole.substr(0, kHeaderEnd) + gamma + profile + transparent + whole.substr(kHeaderEnd), "x");
  EXPECT_NE(refusal(file("rgb420.jpg").substr(0, 900)), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(torch::equal(image, decode_image(whole, "whole")));
}

TEST(Decode, WebpIsCheckedByItsContainer) {
  const std::string whole = file("lossy.webp");
  expect_refused(whole.substr(0, 20), "truncated WebP");
  expect_refused(whole.substr(0, whole.size() - 1), "truncated WebP");
  EXPECT_NE(refusal(file("lossless.webp").substr(0, 500)), "");
  const auto extended = [](char flags, const std::string& size) {
    return "RIFF" + std::string("\x16\0\0\0", 4) + "WEBPVP8X" + std::string("\x0a\0\0\0", 4) + flags + std::string(3, '\0') +
           size;
  };
  expect_refused(extended(2, std::string(6, '\1')), "animated");
  expect_refused(extended(0, std::string(6, '\xff')), "more than the limit");
  std::string unknown = whole;
  unknown.replace(12, 4, "ABCD");
  expect_refused(unknown, "unknown kind");
}

TEST(Decode, ThreadsDoNotDisturbEachOther) {
  const auto names = golden_files();
  std::vector<torch::Tensor> expected;
  for (const auto& name : names) expected.push_back(decode_image_file(kImages + name));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        for (size_t i = 0; i < names.size(); ++i) wrong += !torch::equal(decode_image_file(kImages + names[i]), expected[i]);
        wrong += refusal("\xff\xd8\xff\xe0 broken").empty();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace fsc
