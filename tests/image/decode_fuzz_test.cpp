// Mutated pictures: each is decoded or refused with an Error, in bounded time and memory. FSC_FUZZ_COUNT sets how many.
#include <gtest/gtest.h>
#include <zlib.h>

#include <iostream>
#include <sstream>
#include <string>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/image/decode.h"
#include "support/fuzz.h"

namespace fsc {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr double kMostSeconds = 10;        // of processor time; a picture at the limit takes three
constexpr uint64_t kMostBytesAPixel = 16;  // the result, its decoder's copy and, of a progressive JPEG, the coefficients
constexpr uint64_t kMostPixels = 178956970;
constexpr uint64_t kMostPixelsAByte = 8 * 1032;  // PNG with one bit a pixel; JPEG has 1,024

std::string picture(const std::string& name) { return read_file(std::string(FSC_TEST_DATA "/images/") + name); }

struct Tally {
  int decoded = 0, refused = 0;
  double slowest = 0;
  uint64_t largest = 0;
};

void decode_once(const std::string& bytes, uint64_t most_memory, Tally& tally) {
  const test::PeakMemory memory;
  const double begin = test::processor_seconds();
  try {
    const auto rgb = decode_image(bytes, "fuzz picture");
    ++tally.decoded;
    ASSERT_TRUE(rgb.dim() == 3 && rgb.size(2) == 3 && rgb.numel() > 0 && rgb.is_contiguous());
    ASSERT_LE(static_cast<uint64_t>(rgb.size(0) * rgb.size(1)), kMostPixels);
    ASSERT_GE(rgb.max().item<int>(), 0) << "every byte is there";
  } catch (const Error& error) {
    ASSERT_EQ(std::string(error.what()).find("fuzz picture: cannot read the image: "), 0u) << error.what();
    ++tally.refused;
  }
  const double seconds = test::processor_seconds() - begin;
  tally.slowest = std::max(tally.slowest, seconds);
  tally.largest = std::max(tally.largest, memory.growth());
  ASSERT_LT(seconds, kMostSeconds);
  ASSERT_LE(memory.growth(), most_memory);
}

/// Right checksums for all chunks that are still whole, so that libpng sees what they hold.
std::string signed_png(std::string bytes) {
  for (size_t at = 8; bytes.size() - std::min(at, bytes.size()) >= 12;) {
    const auto* raw = reinterpret_cast<const Bytef*>(bytes.data()) + at;
    const size_t length = size_t{raw[0]} << 24 | raw[1] << 16 | raw[2] << 8 | raw[3];
    if (length > bytes.size() - at - 12) break;
    const auto sum = static_cast<uint32_t>(::crc32_z(0, raw + 4, length + 4));
    for (int i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return bytes;
}

class DecodeFuzz : public testing::TestWithParam<const char*> {};

TEST_P(DecodeFuzz, MutatedPictures) {
  static const std::string kMarks("\xFF\xD8\xC0\xC2\xC4\xC9\xDA\xDB\xDD\xD9\x00\x01\x02\x08\x11\x22\x3F\x7F IDATPLVRFW", 28);
  const std::string name = GetParam(), good = picture(name);
  const bool png = name.ends_with(".png"), webp = name.ends_with(".webp");
  Tally tally;
  testing::internal::CaptureStderr();
  for (uint64_t round = 0; round < test::fuzz_count(400) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(name + ", round " + std::to_string(round));
    Rng rng({round});
    std::string bytes = test::mutated(good, kMarks, rng);
    if (rng.below(2))
      bytes.replace(0, std::min(bytes.size(), size_t{12}), good.substr(0, 12));  // else few are taken for pictures
    if (png && rng.below(8)) bytes = signed_png(bytes);
    // A lossless WebP of one colour needs no bits for its pixels; the others need some.
    const uint64_t pixels = webp ? kMostPixels : std::min(kMostPixels, kMostPixelsAByte * bytes.size());
    decode_once(bytes, kMostBytesAPixel * pixels + 64 * kMiB, tally);
  }
  std::istringstream printed(testing::internal::GetCapturedStderr());
  for (std::string line; std::getline(printed, line);) EXPECT_TRUE(png && line.starts_with("libpng ")) << line;
  std::cout << name << ": " << tally.decoded << " decoded, " << tally.refused << " refused, slowest " << tally.slowest
            << " s, most memory " << tally.largest / 1024 << " KiB\n";
  EXPECT_GT(tally.decoded, 0);
  EXPECT_GT(tally.refused, 0);
}

INSTANTIATE_TEST_SUITE_P(Pictures, DecodeFuzz,
                         testing::Values("rgb420.jpg", "rgb444.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg", "rgb.png",
                                         "palette.png", "grey16.png", "bilevel.png", "grey_alpha.png", "lossy.webp",
                                         "lossless.webp"),
                         [](const auto& info) {
                           std::string name = info.param;
                           name[name.find('.')] = '_';
                           return name;
                         });

TEST(DecodeFuzz, RandomBytesBehindASignature) {
  Tally tally;
  for (uint64_t round = 0; round < test::fuzz_count(600) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round, 1});
    const char* kBegins[] = {"\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n", "RIFF"};
    std::string bytes = kBegins[rng.below(3)];
    if (bytes == "RIFF") bytes += std::string("\x10\0\0\0WEBPVP8", 11) + "LX "[rng.below(3)];
    for (uint64_t left = rng.below(300); left > 0; --left) bytes += static_cast<char>(rng.below(256));
    decode_once(bytes, kMostBytesAPixel * kMostPixels, tally);
  }
  EXPECT_GT(tally.refused, 0);
}

/// The bytes of `name` with another size in the header of its frame.
std::string resized_jpeg(const std::string& name, const char* frame, int height, int width) {
  std::string bytes = picture(name);
  const size_t at = bytes.find(frame);
  EXPECT_NE(at, bytes.npos);
  for (const int i : {0, 1}) bytes[at + 5 + i] = static_cast<char>(height >> (8 - 8 * i));
  for (const int i : {0, 1}) bytes[at + 7 + i] = static_cast<char>(width >> (8 - 8 * i));
  return bytes;
}

TEST(DecodeBomb, HugePicturesInTinyFilesTakeNoMemory) {
  Tally tally;
  for (const auto& bytes :
       {resized_jpeg("rgb420.jpg", "\xFF\xC0", 60000, 60000), resized_jpeg("rgb420.jpg", "\xFF\xC0", 13000, 13000),
        resized_jpeg("progressive.jpg", "\xFF\xC2", 13000, 13000), resized_jpeg("cmyk.jpg", "\xFF\xC0", 2700, 65000)})
    decode_once(bytes, 16 * kMiB, tally);
  EXPECT_EQ(tally.refused, 4);
}

TEST(DecodeBomb, AsManyScansAsThereIsRoomFor) {
  const std::string whole = picture("progressive.jpg");
  const size_t last = whole.rfind("\xFF\xDA");  // the last scan, which refines what is there already
  ASSERT_NE(last, whole.npos);
  const std::string scan = whole.substr(last, whole.size() - 2 - last), begin = whole.substr(0, last);
  EXPECT_NO_THROW(decode_image(begin + test::repeated(scan, 100) + "\xFF\xD9", "a hundred"));
  try {
    decode_image(begin + test::repeated(scan, 600) + "\xFF\xD9", "six hundred");
    FAIL() << "600 scans were decoded";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("more than 500 scans"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace fsc
