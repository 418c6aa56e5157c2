// Image files are told by their first bytes.
#include "fsc/image/format.h"

#include <gtest/gtest.h>

#include <string>

#include "fsc/core/atomic_file.h"

namespace fsc {
namespace {

TEST(ImageFormat, OfRealFiles) {
  for (const auto& [name, format] : {std::pair("rgb420.jpg", ImageFormat::kJpeg), std::pair("palette.png", ImageFormat::kPng),
                                     std::pair("lossy.webp", ImageFormat::kWebp)}) {
    const std::string bytes = read_file(std::string(FSC_TEST_DATA "/images/") + name);
    EXPECT_EQ(image_format(bytes), format) << name;
    EXPECT_EQ(image_format(bytes.substr(0, 12)), format) << name;
    EXPECT_EQ(std::string(name).substr(std::string(name).rfind('.') + 1), extension_of(format));
  }
}

TEST(ImageFormat, OfAnythingElse) {
  const std::string webp("RIFF\x10\0\0\0WEBP", 12);
  EXPECT_EQ(image_format(webp), ImageFormat::kWebp);
  for (const std::string& bytes : {std::string(), std::string("\xff\xd8"), std::string("\x89PNG"), webp.substr(0, 11),
                                   std::string("RIFF\x10\0\0\0WAVE", 12), std::string("GIF89a......"), std::string("a dog")})
    EXPECT_EQ(image_format(bytes), std::nullopt) << bytes;
}

}  // namespace
}  // namespace fsc
