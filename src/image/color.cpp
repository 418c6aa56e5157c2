// Brightness, contrast, saturation, hue and grey on bytes, rounding as PIL does.
#include <cmath>

#include "image/detail_color.h"

namespace fsc::detail {
namespace {

struct Bytes {
  uint8_t* begin;
  int64_t pixels;
};

Bytes bytes_of(torch::Tensor& image) {
  TORCH_CHECK(image.scalar_type() == torch::kUInt8 && image.dim() == 3 && image.size(2) == 3 && image.is_contiguous(),
              "expected contiguous uint8 [H,W,3], got ", image.scalar_type(), " ", image.sizes());
  return {image.data_ptr<uint8_t>(), image.size(0) * image.size(1)};
}

/// Luma in 16-bit fixed point.
inline int luma(const uint8_t* p) { return (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16; }

/// from + alpha * (to - from) in single precision, truncated; alpha above 1 extrapolates and is clipped.
inline uint8_t blend(int from, int to, float alpha) {
  const float value = static_cast<float>(from) + alpha * static_cast<float>(to - from);
  return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

inline uint8_t byte_of(double value) { return static_cast<uint8_t>(std::clamp(static_cast<int>(value), 0, 255)); }

struct Hsv {
  uint8_t h, s, v;
};

Hsv to_hsv(const uint8_t* p) {
  const int high = std::max({p[0], p[1], p[2]}), low = std::min({p[0], p[1], p[2]});
  if (high == low) return {0, 0, static_cast<uint8_t>(high)};
  const float range = static_cast<float>(high - low);
  const float r = static_cast<float>(high - p[0]) / range;
  const float g = static_cast<float>(high - p[1]) / range;
  const float b = static_cast<float>(high - p[2]) / range;
  float h = p[0] == high ? b - g : p[1] == high ? static_cast<float>(2.0 + r - b) : static_cast<float>(4.0 + g - r);
  h = static_cast<float>(std::fmod(h / 6.0 + 1.0, 1.0));
  const float s = range / static_cast<float>(high);
  return {byte_of(h * 255.0), byte_of(s * 255.0), static_cast<uint8_t>(high)};
}

void from_hsv(const Hsv& hsv, uint8_t* out) {
  const uint8_t v = hsv.v;
  if (hsv.s == 0) {
    out[0] = out[1] = out[2] = v;
    return;
  }
  const double sector = std::floor(static_cast<float>(hsv.h) * 6.0 / 255.0);
  const float f = static_cast<float>(static_cast<float>(hsv.h) * 6.0 / 255.0 - sector);
  const float s = static_cast<float>(hsv.s / 255.0);
  const uint8_t p = byte_of(std::round(v * (1.0 - s)));
  const uint8_t q = byte_of(std::round(v * (1.0 - s * f)));
  const uint8_t t = byte_of(std::round(v * (1.0 - s * (1.0 - f))));
  const uint8_t table[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  std::copy_n(table[static_cast<int>(sector) % 6], 3, out);
}

}  // namespace

void adjust_brightness(torch::Tensor& image, double factor) {
  const auto [begin, pixels] = bytes_of(image);
  for (int64_t i = 0; i < 3 * pixels; ++i) begin[i] = blend(0, begin[i], static_cast<float>(factor));
}

void adjust_contrast(torch::Tensor& image, double factor) {
  const auto [begin, pixels] = bytes_of(image);
  int64_t sum = 0;
  for (int64_t i = 0; i < pixels; ++i) sum += luma(begin + 3 * i);
  const int mean = static_cast<int>(static_cast<double>(sum) / static_cast<double>(pixels) + 0.5);
  for (int64_t i = 0; i < 3 * pixels; ++i) begin[i] = blend(mean, begin[i], static_cast<float>(factor));
}

void adjust_saturation(torch::Tensor& image, double factor) {
  const auto [begin, pixels] = bytes_of(image);
  for (int64_t i = 0; i < pixels; ++i) {
    uint8_t* p = begin + 3 * i;
    const int grey = luma(p);
    for (int c = 0; c < 3; ++c) p[c] = blend(grey, p[c], static_cast<float>(factor));
  }
}

void adjust_hue(torch::Tensor& image, double shift) {
  const auto [begin, pixels] = bytes_of(image);
  const auto step = static_cast<uint8_t>(static_cast<int>(shift * 255));  // wraps around, as hue does
  for (int64_t i = 0; i < pixels; ++i) {
    Hsv hsv = to_hsv(begin + 3 * i);
    hsv.h = static_cast<uint8_t>(hsv.h + step);
    from_hsv(hsv, begin + 3 * i);
  }
}

void make_grey(torch::Tensor& image) {
  const auto [begin, pixels] = bytes_of(image);
  for (int64_t i = 0; i < pixels; ++i) std::fill_n(begin + 3 * i, 3, static_cast<uint8_t>(luma(begin + 3 * i)));
}

void color_jitter(torch::Tensor& image, const std::vector<double>& strengths, Rng& rng) {
  static constexpr void (*kAdjust[4])(torch::Tensor&, double) = {adjust_brightness, adjust_contrast, adjust_saturation,
                                                                 adjust_hue};
  TORCH_CHECK(strengths.size() == 3 || strengths.size() == 4, "colour jitter takes 3 or 4 strengths, got ", strengths.size());
  std::vector<size_t> order = {0, 1, 2, 3};
  rng.shuffle(order);
  std::array<double, 4> factors{};
  for (size_t i = 0; i < strengths.size(); ++i) {
    const double low = i == 3 ? -strengths[i] : std::max(0.0, 1.0 - strengths[i]);
    factors[i] = rng.uniform(low, i == 3 ? strengths[i] : 1.0 + strengths[i]);
  }
  for (const size_t i : order) {
    if (i < strengths.size() && strengths[i] > 0) kAdjust[i](image, factors[i]);
  }
}

}  // namespace fsc::detail
