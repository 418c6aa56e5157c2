// Antialiased separable resampling with PIL's weights, fixed point and rounding.
// at::_upsample_bicubic2d_aa agrees with PIL only to within one level, and spreads over ATen threads; this is exact.
#include <cmath>

#include "image/detail_resize.h"

namespace fsc::detail {
namespace {

constexpr int kPrecisionBits = 22;  // 8 bits of pixel, 2 of headroom for negative lobes
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);
constexpr int64_t kChannels = 3;

double bicubic(double x) {  // Keys' kernel with a = -0.5
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

double bilinear(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

/// For each output position: the first input position and the fixed-point weights from there on.
struct Weights {
  std::vector<int64_t> first, count;
  std::vector<int32_t> values;  // [outputs, stride]
  int64_t stride = 0;
  const int32_t* of(int64_t i) const { return values.data() + i * stride; }
  int64_t outputs() const { return static_cast<int64_t>(first.size()); }
  int64_t begin() const { return first.front(); }  // the inputs that are read at all: [begin, end)
  int64_t end() const { return first.back() + count.back(); }
};

/// Weights of outputs [begin, begin + count) of a pass from `in` to `out` positions.
Weights make_weights(int64_t in, int64_t out, int64_t begin, int64_t count, Interpolation interpolation) {
  const bool cubic = interpolation == Interpolation::kBicubic;
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);  // the kernel widens with the shrink factor: this is the antialiasing
  const double support = (cubic ? 2.0 : 1.0) * filter_scale;
  Weights weights;
  weights.stride = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  weights.values.assign(static_cast<size_t>(count * weights.stride), 0);
  std::vector<double> row(static_cast<size_t>(weights.stride));
  for (int64_t i = 0; i < count; ++i) {
    const double center = (static_cast<double>(begin + i) + 0.5) * scale;
    const int64_t low = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const int64_t high = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5), in);
    double sum = 0.0;
    for (int64_t k = 0; k < high - low; ++k) {
      const double x = (static_cast<double>(k + low) - center + 0.5) * (1.0 / filter_scale);
      sum += row[k] = cubic ? bicubic(x) : bilinear(x);
    }
    for (int64_t k = 0; k < high - low; ++k) {
      const double fixed = (sum != 0.0 ? row[k] / sum : row[k]) * (1 << kPrecisionBits);
      weights.values[i * weights.stride + k] = static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    weights.first.push_back(low);
    weights.count.push_back(high - low);
  }
  return weights;
}

inline uint8_t to_byte(int32_t fixed) { return static_cast<uint8_t>(std::clamp(fixed >> kPrecisionBits, 0, 255)); }

/// Rows of pixels: `in` points to the pixel at input position weights.begin() of the first row.
void horizontal_pass(const uint8_t* in, int64_t in_stride, uint8_t* out, int64_t rows, const Weights& weights) {
  for (int64_t y = 0; y < rows; ++y, in += in_stride) {
    for (int64_t x = 0; x < weights.outputs(); ++x, out += kChannels) {
      const uint8_t* pixel = in + (weights.first[x] - weights.begin()) * kChannels;
      const int32_t* w = weights.of(x);
      int32_t r = kHalf, g = kHalf, b = kHalf;
      for (int64_t k = 0; k < weights.count[x]; ++k, pixel += kChannels) {
        r += pixel[0] * w[k];
        g += pixel[1] * w[k];
        b += pixel[2] * w[k];
      }
      out[0] = to_byte(r);
      out[1] = to_byte(g);
      out[2] = to_byte(b);
    }
  }
}

/// `in` points to the row at input position weights.begin(); `row_bytes` of each row are resampled.
void vertical_pass(const uint8_t* in, int64_t in_stride, uint8_t* out, int64_t row_bytes, const Weights& weights) {
  std::vector<int32_t> sums(static_cast<size_t>(row_bytes));
  for (int64_t y = 0; y < weights.outputs(); ++y, out += row_bytes) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int64_t k = 0; k < weights.count[y]; ++k) {
      const uint8_t* row = in + (weights.first[y] - weights.begin() + k) * in_stride;
      const int32_t w = weights.of(y)[k];
      for (int64_t x = 0; x < row_bytes; ++x) sums[x] += row[x] * w;
    }
    for (int64_t x = 0; x < row_bytes; ++x) out[x] = to_byte(sums[x]);
  }
}

}  // namespace

torch::Tensor crop_resize_crop(const torch::Tensor& image_hwc, const Box& source, int64_t height, int64_t width,
                               const Box& window, Interpolation interpolation) {
  TORCH_CHECK(image_hwc.scalar_type() == torch::kUInt8 && image_hwc.dim() == 3 && image_hwc.size(2) == kChannels,
              "expected uint8 [H,W,3], got ", image_hwc.scalar_type(), " ", image_hwc.sizes());
  TORCH_CHECK(source.height > 0 && source.width > 0 && source.top >= 0 && source.left >= 0 &&
                  source.top + source.height <= image_hwc.size(0) && source.left + source.width <= image_hwc.size(1),
              "source box outside of the image");
  TORCH_CHECK(window.height > 0 && window.width > 0 && window.top >= 0 && window.left >= 0 &&
                  window.top + window.height <= height && window.left + window.width <= width,
              "window outside of the resized image");
  const auto image = image_hwc.contiguous();
  const int64_t in_row = image.size(1) * kChannels, out_row = window.width * kChannels;
  const Weights across = make_weights(source.width, width, window.left, window.width, interpolation);
  const Weights down = make_weights(source.height, height, window.top, window.height, interpolation);

  // A pass that changes no size has weights of exactly one. Each computes only what the other or the window needs.
  const uint8_t* origin =
      image.data_ptr<uint8_t>() + (source.top + down.begin()) * in_row + (source.left + across.begin()) * kChannels;
  auto result = torch::empty({window.height, window.width, kChannels}, torch::kUInt8);
  auto* target = result.data_ptr<uint8_t>();
  const bool vertical_first = source.height > height && source.height - height > 2 * (source.width - width);
  if (vertical_first) {
    const int64_t row_bytes = (across.end() - across.begin()) * kChannels;
    std::vector<uint8_t> flat(static_cast<size_t>(window.height * row_bytes));
    vertical_pass(origin, in_row, flat.data(), row_bytes, down);
    horizontal_pass(flat.data(), row_bytes, target, window.height, across);
  } else {
    const int64_t rows = down.end() - down.begin();
    std::vector<uint8_t> narrow(static_cast<size_t>(rows * out_row));
    horizontal_pass(origin, in_row, narrow.data(), rows, across);
    vertical_pass(narrow.data(), out_row, target, out_row, down);
  }
  return result;
}

}  // namespace fsc::detail
