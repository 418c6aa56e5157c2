// open_clip's initial weights: its own normal laws in the text tower, PyTorch's module defaults in the image tower, timm's laws
// in SigLIP's.
#include <ATen/Parallel.h>

#include <cmath>
#include <string_view>

#include "fsc/core/rng.h"
#include "fsc/model/clip_model.h"
#include "model/detail_initialize.h"

namespace fsc {
namespace {

struct Law {
  enum class Kind { kConstant, kNormal, kTruncated, kUniform } kind;
  double value;  ///< the constant, the standard deviation (truncated: before the cut at two of it), the interval's bound
};
Law constant(double value) { return {Law::Kind::kConstant, value}; }
Law normal(double deviation) { return {Law::Kind::kNormal, deviation}; }
Law uniform(double bound) { return {Law::Kind::kUniform, bound}; }
/// PyTorch's default for the weights and biases of Linear and Conv2d.
Law default_uniform(double fan_in) { return uniform(1 / std::sqrt(fan_in)); }

struct TowerShape {
  double width, layers, mlp_ratio, layer_scale;
};

Law text_matrix_law(std::string_view name, const TowerShape& tower) {
  const double attention = 1 / std::sqrt(tower.width);
  if (name == "token_embedding.weight") return normal(0.02);
  if (name == "positional_embedding") return normal(0.01);
  if (name.ends_with("out_proj.weight") || name.ends_with("c_proj.weight"))
    return normal(attention / std::sqrt(2 * tower.layers));
  if (name.ends_with("c_fc.weight")) return normal(1 / std::sqrt(2 * tower.width));
  TORCH_CHECK(name == "text_projection" || name == "text_projection.weight" || name.ends_with("in_proj_weight"),
              "no initial law for ", name);
  return normal(attention);
}

Law image_matrix_law(std::string_view name, at::IntArrayRef shape, const TowerShape& tower) {
  if (name == "visual.positional_embedding" || name == "visual.proj") return normal(1 / std::sqrt(tower.width));
  if (name.ends_with("in_proj_weight")) return uniform(std::sqrt(6.0 / static_cast<double>(shape[0] + shape[1])));  // Xavier
  return default_uniform(static_cast<double>(c10::multiply_integers(shape.slice(1))));
}

/// timm's laws. Its normals are cut at +-2, a hundred deviations away: no cut at all; but the latent's is at two deviations.
Law siglip_image_law(std::string_view name, at::IntArrayRef shape, const TowerShape& tower, const ArchConfig& arch) {
  if (name.starts_with("visual.trunk.patch_embed."))
    return default_uniform(3.0 * static_cast<double>(arch.vision.patch_size * arch.vision.patch_size));
  if (name.ends_with(".latent")) return {Law::Kind::kTruncated, 1 / std::sqrt(tower.width)};
  if (shape.size() > 1) return normal(0.02);
  return constant(name.ends_with(".weight") ? 1 : 0);
}

Law law_of(std::string_view name, at::IntArrayRef shape, const ArchConfig& arch) {
  const bool image = name.starts_with("visual.");
  const TowerShape tower = image ? TowerShape{static_cast<double>(arch.vision.width), static_cast<double>(arch.vision.layers),
                                              arch.vision.mlp_ratio, arch.vision.ls_init_value.value_or(0)}
                                 : TowerShape{static_cast<double>(arch.text.width), static_cast<double>(arch.text.layers),
                                              arch.text.mlp_ratio, arch.text.ls_init_value.value_or(0)};
  if (image && arch.vision.siglip) return siglip_image_law(name, shape, tower, arch);
  if (name.starts_with("text.")) name.remove_prefix(5);  // open_clip's two classes of models share the tower
  if (shape.size() > 1) return image ? image_matrix_law(name, shape, tower) : text_matrix_law(name, tower);
  if (name == "visual.class_embedding") return normal(1 / std::sqrt(tower.width));
  if (name.ends_with(".gamma")) return constant(tower.layer_scale);
  if (name.ends_with("c_fc.bias")) return default_uniform(tower.width);
  if (name.ends_with("c_proj.bias")) return default_uniform(std::floor(tower.width * tower.mlp_ratio));
  return constant(name.ends_with(".weight") ? 1 : 0);  // LayerNorm; the biases of attention
}

double draw_one(Rng& rng, Law::Kind kind) {
  if (kind == Law::Kind::kUniform) return rng.uniform(-1, 1);
  double unit = rng.normal();
  while (kind == Law::Kind::kTruncated && std::abs(unit) > 2) unit = rng.normal();
  return unit;
}

uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0;
  for (const char c : name) hash = mix64(hash ^ static_cast<unsigned char>(c)) + 0x9E3779B97F4A7C15ULL;
  return hash;
}

/// Every chunk has its own stream, so the values depend on (seed, name) only, not on threads or on the other tensors.
void draw(float* data, int64_t count, const Law& law, uint64_t seed, std::string_view name) {
  constexpr int64_t kChunk = 1 << 14;
  const uint64_t hash = hash_name(name);
  at::parallel_for(0, (count + kChunk - 1) / kChunk, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      Rng rng({seed, static_cast<uint64_t>(Stream::kInit), hash, static_cast<uint64_t>(chunk)});
      const int64_t stop = std::min(count, (chunk + 1) * kChunk);
      for (int64_t i = chunk * kChunk; i < stop; ++i) {
        data[i] = static_cast<float>(law.value * draw_one(rng, law.kind));
      }
    }
  });
}

}  // namespace

torch::Tensor detail::draw_uniform(at::IntArrayRef shape, double bound, uint64_t seed, std::string_view name) {
  const torch::Tensor values = torch::empty(shape, torch::kFloat32);
  draw(values.data_ptr<float>(), values.numel(), uniform(bound), seed, name);
  return values;
}

void ClipModelImpl::initialize(uint64_t seed) {
  const torch::NoGradGuard no_grad;
  reset_logits();
  for (auto& parameter : named_parameters()) {
    if (parameter.key() == "logit_scale" || parameter.key() == "logit_bias") continue;
    const Law law = law_of(parameter.key(), parameter.value().sizes(), arch_);
    if (law.kind == Law::Kind::kConstant) {
      parameter.value().fill_(law.value);
      continue;
    }
    const torch::Tensor values = torch::empty(parameter.value().sizes(), torch::kFloat32);
    draw(values.data_ptr<float>(), values.numel(), law, seed, parameter.key());
    parameter.value().copy_(values);
  }
}

}  // namespace fsc
