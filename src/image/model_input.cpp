// From bytes to a model's input: in single precision throughout, as ToTensor and Normalize.
#include <ATen/Parallel.h>

#include "image/detail_model_input.h"

namespace fsc {
namespace {

/// (x/255 - mean)/std of every byte x.
std::array<float, 256> levels_of(double mean, double std) {
  std::array<float, 256> level;
  for (int v = 0; v < 256; ++v)
    level[static_cast<size_t>(v)] = (static_cast<float>(v) / 255.0f - static_cast<float>(mean)) / static_cast<float>(std);
  return level;
}

torch::Tensor normalized_by_table(const torch::Tensor& pixels, const Preprocess& preprocess) {
  std::array<std::array<float, 256>, 3> levels;
  for (size_t c = 0; c < 3; ++c) levels[c] = levels_of(preprocess.mean[c], preprocess.std[c]);
  const torch::Tensor from = pixels.contiguous();
  torch::Tensor result = torch::empty(from.sizes(), torch::kFloat32);
  const int64_t plane = from.size(-2) * from.size(-1);
  const uint8_t* in = from.data_ptr<uint8_t>();
  float* out = result.data_ptr<float>();
  if (plane == 0) return result;
  at::parallel_for(0, from.numel() / plane, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const float* level = levels[static_cast<size_t>(p % 3)].data();
      for (int64_t i = p * plane; i < (p + 1) * plane; ++i) out[i] = level[in[i]];
    }
  });
  return result;
}

}  // namespace

torch::Tensor detail::to_planes(const torch::Tensor& image_hwc) {
  TORCH_CHECK(image_hwc.scalar_type() == torch::kUInt8 && image_hwc.dim() == 3 && image_hwc.size(2) == 3,
              "expected uint8 [H,W,3], got ", image_hwc.scalar_type(), " ", image_hwc.sizes());
  const torch::Tensor image = image_hwc.contiguous();
  const int64_t pixels = image.size(0) * image.size(1);
  torch::Tensor result = torch::empty({3, image.size(0), image.size(1)}, torch::kUInt8);
  const uint8_t* in = image.data_ptr<uint8_t>();
  uint8_t* out = result.data_ptr<uint8_t>();
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < 3; ++c) out[c * pixels + i] = in[3 * i + c];
  return result;
}

torch::Tensor detail::normalized_on_device(const torch::Tensor& pixels, const Preprocess& preprocess) {
  // Divisors are tensors made there: CUDA multiplies by the reciprocal of a number of the host, which rounds otherwise.
  const auto there = [&](double value) {
    return torch::full({}, static_cast<float>(value), torch::dtype(torch::kFloat32).device(pixels.device()));
  };
  torch::Tensor result = pixels.to(torch::kFloat32).div_(there(255));
  for (int64_t c = 0; c < 3; ++c) {
    const auto channel = static_cast<size_t>(c);
    result.select(-3, c).sub_(there(preprocess.mean[channel])).div_(there(preprocess.std[channel]));
  }
  return result;
}

torch::Tensor to_model_input(const torch::Tensor& pixels, const Preprocess& preprocess) {
  TORCH_CHECK(pixels.scalar_type() == torch::kUInt8 && (pixels.dim() == 3 || pixels.dim() == 4) && pixels.size(-3) == 3,
              "expected uint8 [3,H,W] or [B,3,H,W], got ", pixels.scalar_type(), " ", pixels.sizes());
  const torch::NoGradGuard no_grad;
  return pixels.is_cpu() ? normalized_by_table(pixels, preprocess) : detail::normalized_on_device(pixels, preprocess);
}

}  // namespace fsc
