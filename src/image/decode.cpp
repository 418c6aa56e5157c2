// Recognises the format by its first bytes, guards the size, and hands over to the format's decoder.
#include "fsc/image/decode.h"

#include <fmt/format.h>

#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/out_of_memory.h"
#include "fsc/image/format.h"
#include "image/detail_formats.h"

namespace fsc {
namespace detail {

void refuse_image(const std::string& name, const std::string& cause) {
  throw Error(fmt::format("{}: cannot read the image: {}; replace the file or take it out of the table", name, cause));
}

void check_image_size(int64_t width, int64_t height, const std::string& name) {
  if (width <= 0 || height <= 0) refuse_image(name, fmt::format("its size is {} x {}", width, height));
  if (width > kMaxPixels / height) {
    refuse_image(name, fmt::format("{} x {} pixels are more than the limit of {}", width, height, kMaxPixels));
  }
}

torch::Tensor decode_with_opencv(std::string_view bytes, bool deep_grey, const std::string& name) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) refuse_image(name, "the file is larger than 2 GiB");
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  const int flags = deep_grey ? cv::IMREAD_GRAYSCALE | cv::IMREAD_ANYDEPTH : cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION;
  cv::Mat decoded;
  try {
    decoded = cv::imdecode(buffer, flags);
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) throw OutOfMemory(fmt::format("{}: {}", name, error.err));
    refuse_image(name, error.err);
  }
  if (decoded.empty()) refuse_image(name, "its data is damaged");
  auto rgb = torch::empty({decoded.rows, decoded.cols, 3}, torch::kUInt8);
  cv::Mat target(decoded.rows, decoded.cols, CV_8UC3, rgb.data_ptr<uint8_t>());
  if (deep_grey) {  // PIL clips 16-bit grey at 255 on its way to RGB instead of scaling it; convertTo saturates the same way
    cv::Mat grey;
    decoded.convertTo(grey, CV_8U);
    cv::cvtColor(grey, target, cv::COLOR_GRAY2RGB);
  } else {
    cv::cvtColor(decoded, target, cv::COLOR_BGR2RGB);
  }
  return rgb;
}

}  // namespace detail

torch::Tensor decode_image(std::string_view bytes, const std::string& name) {
  // Parallelism is over images; a second level of threads inside OpenCV would only get in its way.
  static const bool single_threaded = (cv::setNumThreads(1), true);
  (void)single_threaded;
  if (bytes.empty()) detail::refuse_image(name, "it is empty");
  const auto format = image_format(bytes);
  if (format == ImageFormat::kJpeg) return detail::decode_jpeg(bytes, name);
  if (format == ImageFormat::kPng) return detail::decode_png(bytes, name);
  if (format == ImageFormat::kWebp) return detail::decode_webp(bytes, name);
  detail::refuse_image(name, "it is not a JPEG, PNG or WebP image");
}

torch::Tensor decode_image_file(const std::filesystem::path& path) { return decode_image(read_file(path), path.string()); }

}  // namespace fsc
