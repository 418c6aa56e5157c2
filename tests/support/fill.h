// Deterministic tensor contents by name: the C++ twin of scripts/reference/fill.py, so goldens need to hold no weights.
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/core/rng.h"

namespace fsc::test {

/// FNV-1a, 64 bits.
inline uint64_t fnv1a64(std::string_view text) {
  uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return h;
}

/// The stream called `name`: element i is a function of (name, i) only.
class Stream64 {
 public:
  explicit Stream64(std::string_view name) : hash_(fnv1a64(name)) {}
  uint64_t bits(int64_t i) const { return mix64(hash_ + (static_cast<uint64_t>(i) + 1) * 0x9E3779B97F4A7C15ULL); }
  /// In [0, 1), 24 bits.
  double uniform(int64_t i) const { return static_cast<double>(bits(i) >> 40) * 0x1.0p-24; }
  /// In [-1, 1).
  double sign(int64_t i) const { return 2.0 * uniform(i) - 1.0; }
  /// low + (24 bits) mod size.
  int64_t integer(int64_t i, int64_t low, int64_t size) const { return low + static_cast<int64_t>(bits(i) >> 40) % size; }

 private:
  uint64_t hash_;
};

/// offset + scale * s(i) in the given shape, computed in double, rounded to float32.
inline torch::Tensor fill_signed(const std::string& name, at::IntArrayRef shape, double scale = 1.0, double offset = 0.0) {
  torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
  const Stream64 stream(name);
  float* data = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = static_cast<float>(offset + scale * stream.sign(i));
  return tensor;
}

/// Contents of the model tensor with open_clip's name `name`; the rule is stated in fill.py.
inline torch::Tensor fill_weight(const std::string& name, at::IntArrayRef shape) {
  const auto ends_with = [](const std::string& text, const std::string& tail) {
    return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
  };
  if (name == "logit_scale") return torch::full(shape, std::log(1 / 0.07), torch::kFloat32);
  if (name == "logit_bias") return torch::full(shape, -1.5, torch::kFloat32);
  const bool norm = name.find("ln_") != std::string::npos || name.find("norm") != std::string::npos;
  if (shape.size() == 1 && norm && ends_with(name, ".weight")) {
    return fill_signed(name, shape, 0.1, 1.0);
  }
  for (const char* embedding : {"token_embedding.weight", "class_embedding", "positional_embedding", "pos_embed", "latent"}) {
    if (ends_with("." + name, std::string(".") + embedding)) return fill_signed(name, shape, 0.5);
  }
  if (shape.size() < 2) return fill_signed(name, shape, 0.02);
  int64_t fan_in = shape[0];
  if (name != "visual.proj" && name != "text_projection") fan_in = c10::multiply_integers(shape.slice(1));
  return fill_signed(name, shape, 1.5 / std::sqrt(static_cast<double>(fan_in)));
}

/// Overwrites every parameter of a module by fill_weight.
inline void fill_model(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.named_parameters())
    parameter.value().copy_(fill_weight(parameter.key(), parameter.value().sizes()));
}

/// Made-up token ids int64 [rows, context], zero-padded: SOT = vocab - 2, words, EOT = vocab - 1.
inline torch::Tensor fill_token_rows(const std::string& name, int64_t rows, int64_t context = 77, int64_t vocab = 512,
                                     int64_t min_len = 4, int64_t spread = 13) {
  const Stream64 lengths(name + ".length"), words(name);
  torch::Tensor ids = torch::zeros({rows, context}, torch::kInt64);
  auto id = ids.accessor<int64_t, 2>();
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t length = lengths.integer(r, min_len, spread);
    for (int64_t c = 1; c + 1 < length; ++c) id[r][c] = words.integer(r * context + c, 1, vocab - 3);
    id[r][0] = vocab - 2;
    id[r][length - 1] = vocab - 1;
  }
  return ids;
}

/// Names of the parameters that have a gradient.
inline std::set<std::string> trained_names(const torch::nn::Module& model) {
  std::set<std::string> names;
  for (const auto& item : model.named_parameters())
    if (item.value().requires_grad()) names.insert(item.key());
  return names;
}

}  // namespace fsc::test
