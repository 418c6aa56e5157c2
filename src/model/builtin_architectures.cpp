// OpenAI's and LAION's ViT sizes, each with exact GELU and with QuickGELU, and SigLIP's and SigLIP2's B/16.
#include "model/detail_builtin.h"

namespace fsc {
namespace detail {
namespace {

VisionConfig vision(int64_t image_size, int64_t patch_size, int64_t width, int64_t layers, int64_t head_width = 64) {
  VisionConfig config;
  config.image_size = image_size;
  config.patch_size = patch_size;
  config.width = width;
  config.layers = layers;
  config.head_width = head_width;
  return config;
}

TextConfig text(int64_t width, int64_t heads, int64_t layers) {
  TextConfig config;
  config.width = width;
  config.heads = heads;
  config.layers = layers;
  return config;
}

/// ViT-B-16-SigLIP<suffix> at `image_size`; SigLIP2 has Gemma's vocabulary and GELU's tanh approximation in the text tower.
ArchConfig siglip(const std::string& suffix, int64_t image_size, bool second, const std::string& tokenizer) {
  ArchConfig arch{.name = "ViT-B-16-SigLIP" + suffix,
                  .embed_dim = 768,
                  .vision = vision(image_size, 16, 768, 12),
                  .text = text(768, 12, 12),
                  .custom_text = true,
                  .init_logit_bias = -10.0};
  arch.vision.siglip = true;
  arch.text.context_length = 64;
  arch.text.vocab_size = second ? 256000 : 32000;
  arch.text.no_causal_mask = arch.text.proj_bias = true;
  arch.text.pool_type = TextPool::kLast;
  arch.text.norm_eps = 1e-6;
  arch.text.gelu_tanh = second;
  arch.text.hf_tokenizer_name = "timm/ViT-B-16-SigLIP" + tokenizer;
  arch.text.tokenizer_clean = "canonicalize";
  return arch;
}

}  // namespace

const std::vector<ArchConfig>& builtin_architectures() {
  static const std::vector<ArchConfig> all = [] {
    std::vector<ArchConfig> list;
    const auto add = [&](const char* name, int64_t embed_dim, const VisionConfig& vision_config, const TextConfig& text_config) {
      list.push_back({name, embed_dim, false, vision_config, text_config});
      list.push_back({std::string(name) + "-quickgelu", embed_dim, true, vision_config, text_config});
    };
    add("ViT-B-32", 512, vision(224, 32, 768, 12), text(512, 8, 12));
    add("ViT-B-16", 512, vision(224, 16, 768, 12), text(512, 8, 12));
    add("ViT-L-14", 768, vision(224, 14, 1024, 24), text(768, 12, 12));
    add("ViT-L-14-336", 768, vision(336, 14, 1024, 24), text(768, 12, 12));
    add("ViT-H-14", 1024, vision(224, 14, 1280, 32, 80), text(1024, 16, 24));
    for (const int64_t size : {224, 256, 384, 512}) {
      const std::string at = size == 224 ? "" : "-" + std::to_string(size);
      list.push_back(siglip(at, size, false, ""));
      list.push_back(siglip("2" + at, size, true, "2" + at));
    }
    return list;
  }();
  return all;
}

}  // namespace detail

const std::vector<std::string>& known_architectures() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& arch : detail::builtin_architectures()) list.push_back(arch.name);
    return list;
  }();
  return names;
}

}  // namespace fsc
