// transformers' CLIPModel and SiglipModel beside open_clip's names.
#include "weights/detail_names.h"

namespace fsc::detail {
namespace {

class Rules {
 public:
  void same(const std::string& ours, const std::string& theirs, Layout layout = Layout::kSame) {
    NameRule rule;
    rule.ours = {ours};
    rule.theirs = {theirs};
    rule.layout = layout;
    list_.push_back(std::move(rule));
  }
  void weight_and_bias(const std::string& ours, const std::string& theirs) {
    for (const char* kind : {".weight", ".bias"}) same(ours + kind, theirs + kind);
  }
  /// One packed tensor here; queries, keys and values there. `ours` ends where weight and bias begin.
  void packed_qkv(const std::string& ours, const std::string& theirs) {
    for (const char* kind : {"weight", "bias"}) {
      NameRule rule;
      rule.ours = {ours + kind};
      for (const char* part : {".q_proj.", ".k_proj.", ".v_proj."}) rule.theirs.push_back(theirs + part + kind);
      rule.their_parts = {1, 1, 1};
      list_.push_back(std::move(rule));
    }
  }
  /// The pooling head's queries beside keys and values here, all packed there.
  void q_and_kv(const std::string& ours, const std::string& theirs) {
    for (const char* kind : {"weight", "bias"}) {
      NameRule rule;
      rule.ours = {ours + ".q." + kind, ours + ".kv." + kind};
      rule.our_parts = {1, 2};
      rule.theirs = {theirs + ".in_proj_" + kind};
      list_.push_back(std::move(rule));
    }
  }
  /// open_clip's residual blocks.
  void blocks(const std::string& ours, const std::string& theirs, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const std::string here = ours + std::to_string(i), there = theirs + std::to_string(i);
      weight_and_bias(here + ".ln_1", there + ".layer_norm1");
      packed_qkv(here + ".attn.in_proj_", there + ".self_attn");
      weight_and_bias(here + ".attn.out_proj", there + ".self_attn.out_proj");
      weight_and_bias(here + ".ln_2", there + ".layer_norm2");
      weight_and_bias(here + ".mlp.c_fc", there + ".mlp.fc1");
      weight_and_bias(here + ".mlp.c_proj", there + ".mlp.fc2");
    }
  }
  /// timm's.
  void timm_blocks(const std::string& ours, const std::string& theirs, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const std::string here = ours + std::to_string(i), there = theirs + std::to_string(i);
      weight_and_bias(here + ".norm1", there + ".layer_norm1");
      packed_qkv(here + ".attn.qkv.", there + ".self_attn");
      weight_and_bias(here + ".attn.proj", there + ".self_attn.out_proj");
      weight_and_bias(here + ".norm2", there + ".layer_norm2");
      weight_and_bias(here + ".mlp.fc1", there + ".mlp.fc1");
      weight_and_bias(here + ".mlp.fc2", there + ".mlp.fc2");
    }
  }
  std::vector<NameRule> take() { return std::move(list_); }

 private:
  std::vector<NameRule> list_;
};

constexpr const char* kImageLayers = "vision_model.encoder.layers.";
constexpr const char* kTextLayers = "text_model.encoder.layers.";

}  // namespace

std::vector<NameRule> hf_clip_rules(int64_t image_layers, int64_t text_layers) {
  Rules rules;
  rules.same("positional_embedding", "text_model.embeddings.position_embedding.weight");
  rules.same("text_projection", "text_projection.weight", Layout::kTransposed);
  rules.same("logit_scale", "logit_scale");
  rules.same("visual.class_embedding", "vision_model.embeddings.class_embedding");
  rules.same("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight");
  rules.same("visual.proj", "visual_projection.weight", Layout::kTransposed);
  rules.same("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight");
  rules.weight_and_bias("visual.ln_pre", "vision_model.pre_layrnorm");  // their spelling
  rules.blocks("visual.transformer.resblocks.", kImageLayers, image_layers);
  rules.weight_and_bias("visual.ln_post", "vision_model.post_layernorm");
  rules.blocks("transformer.resblocks.", kTextLayers, text_layers);
  rules.same("token_embedding.weight", "text_model.embeddings.token_embedding.weight");
  rules.weight_and_bias("ln_final", "text_model.final_layer_norm");
  return rules.take();
}

std::vector<NameRule> hf_siglip_rules(int64_t image_layers, int64_t text_layers) {
  Rules rules;
  rules.same("logit_scale", "logit_scale", Layout::kScalar);
  rules.same("logit_bias", "logit_bias", Layout::kScalar);
  rules.same("visual.trunk.pos_embed", "vision_model.embeddings.position_embedding.weight", Layout::kBatchOfOne);
  rules.weight_and_bias("visual.trunk.patch_embed.proj", "vision_model.embeddings.patch_embedding");
  rules.timm_blocks("visual.trunk.blocks.", kImageLayers, image_layers);
  rules.weight_and_bias("visual.trunk.norm", "vision_model.post_layernorm");
  rules.same("visual.trunk.attn_pool.latent", "vision_model.head.probe");
  rules.q_and_kv("visual.trunk.attn_pool", "vision_model.head.attention");
  rules.weight_and_bias("visual.trunk.attn_pool.proj", "vision_model.head.attention.out_proj");
  rules.weight_and_bias("visual.trunk.attn_pool.norm", "vision_model.head.layernorm");
  rules.weight_and_bias("visual.trunk.attn_pool.mlp.fc1", "vision_model.head.mlp.fc1");
  rules.weight_and_bias("visual.trunk.attn_pool.mlp.fc2", "vision_model.head.mlp.fc2");
  rules.same("text.positional_embedding", "text_model.embeddings.position_embedding.weight");
  rules.blocks("text.transformer.resblocks.", kTextLayers, text_layers);
  rules.same("text.token_embedding.weight", "text_model.embeddings.token_embedding.weight");
  rules.weight_and_bias("text.ln_final", "text_model.final_layer_norm");
  rules.weight_and_bias("text.text_projection", "text_model.head");
  return rules.take();
}

}  // namespace fsc::detail
