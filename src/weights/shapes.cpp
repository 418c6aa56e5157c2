// Sizes are read off a few tensors; numbers of heads, which no shape tells, come from the known architectures.
#include <cmath>
#include <tuple>

#include "weights/detail_names.h"
#include "weights/detail_shapes.h"

namespace fsc::detail {
namespace {

using torch::Tensor;

/// Tensors by name that must have a number of axes; anything else makes `ok` false.
class Shapes {
 public:
  explicit Shapes(const StateDict& state) : state_(state) {}
  int64_t size(const std::string& name, int64_t dims, int64_t axis) {
    const Tensor* tensor = state_.find(name);
    const bool good = tensor && tensor->dim() == dims && tensor->size(axis) > 0;
    ok_ = ok_ && good;
    return good ? tensor->size(axis) : 1;
  }
  bool has(const std::string& name) const { return state_.find(name) != nullptr; }
  bool ok() const { return ok_; }
  void refuse() { ok_ = false; }

 private:
  const StateDict& state_;
  bool ok_ = true;
};

double ratio(Shapes& shapes, const std::string& linear, int64_t width) {
  return static_cast<double>(shapes.size(linear, 2, 0)) / static_cast<double>(width);
}

void infer_vision(const StateDict& state, Shapes& shapes, VisionConfig& v) {
  v.siglip = shapes.has("visual.trunk.attn_pool.latent");
  const std::string patches = v.siglip ? "visual.trunk.patch_embed.proj.weight" : "visual.conv1.weight";
  const std::string blocks = v.siglip ? "visual.trunk.blocks." : "visual.transformer.resblocks.";
  v.width = shapes.size(patches, 4, 0);
  v.patch_size = shapes.size(patches, 4, 3);
  v.layers = count_layers(state, blocks);
  v.mlp_ratio = ratio(shapes, blocks + (v.siglip ? "0.mlp.fc1.weight" : "0.mlp.c_fc.weight"), v.width);
  const int64_t positions =
      v.siglip ? shapes.size("visual.trunk.pos_embed", 3, 1) : shapes.size("visual.positional_embedding", 2, 0) - 1;
  const int64_t grid = std::llround(std::sqrt(static_cast<double>(positions)));
  if (grid < 1 || grid * grid != positions) shapes.refuse();
  v.image_size = grid * v.patch_size;
  if (shapes.has(blocks + "0.ls_1.gamma")) v.ls_init_value = 1e-5;
  v.head_width = v.width % 64 == 0 ? 64 : v.width;
}

void infer_text(const StateDict& state, const std::string& prefix, Shapes& shapes, TextConfig& t) {
  t.vocab_size = shapes.size(prefix + "token_embedding.weight", 2, 0);
  t.width = shapes.size(prefix + "token_embedding.weight", 2, 1);
  t.context_length = shapes.size(prefix + "positional_embedding", 2, 0);
  const std::string blocks = prefix + "transformer.resblocks.";
  t.layers = count_layers(state, blocks);
  t.mlp_ratio = ratio(shapes, blocks + "0.mlp.c_fc.weight", t.width);
  if (shapes.has(blocks + "0.ls_1.gamma")) t.ls_init_value = 1e-5;
  t.heads = t.width % 64 == 0 ? t.width / 64 : 1;
}

/// Whether two architectures have tensors of the same names and shapes.
bool same_shapes(const ArchConfig& a, const ArchConfig& b) {
  const auto image = [](const VisionConfig& v) {
    return std::make_tuple(v.siglip, v.image_size, v.patch_size, v.width, v.layers, v.mlp_ratio, v.ls_init_value.has_value());
  };
  const auto text = [](const TextConfig& t) {
    return std::make_tuple(t.context_length, t.vocab_size, t.width, t.layers, t.mlp_ratio, t.ls_init_value.has_value());
  };
  return a.embed_dim == b.embed_dim && image(a.vision) == image(b.vision) && text(a.text) == text(b.text);
}

}  // namespace

std::optional<InferredArch> infer_arch(const StateDict& state) {
  Shapes shapes(state);
  InferredArch result;
  ArchConfig& arch = result.arch;
  infer_vision(state, shapes, arch.vision);
  const std::string prefix = shapes.has("text.token_embedding.weight") ? "text." : "";
  arch.custom_text = !prefix.empty();
  infer_text(state, prefix, shapes, arch.text);
  arch.embed_dim = arch.vision.siglip ? arch.vision.width : shapes.size("visual.proj", 2, 1);
  if (!shapes.ok() || arch.vision.layers < 1 || arch.text.layers < 1) return std::nullopt;
  for (const auto& name : known_architectures()) {
    const ArchConfig known = ArchConfig::load(name);
    if (!same_shapes(known, arch)) continue;
    if (!result.heads_known) arch.vision.head_width = known.vision.head_width, arch.text.heads = known.text.heads;
    result.heads_known = true;
    result.candidates.push_back(name);
  }
  return result;
}

}  // namespace fsc::detail
