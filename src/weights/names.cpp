// Tells naming styles apart and renames a state dict, slicing and joining packed projections.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_set>

#include "fsc/core/error.h"
#include "weights/detail_names.h"

namespace fsc::detail {
namespace {

using torch::Tensor;

bool has_prefix(const StateDict& state, std::string_view prefix) {
  return std::any_of(state.entries().begin(), state.entries().end(),
                     [&](const auto& entry) { return std::string_view(entry.first).starts_with(prefix); });
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Tensors that some version of the peers saves and that hold no weights.
bool is_buffer(const std::string& name) {
  static const std::unordered_set<std::string> known = {"input_resolution", "context_length", "vocab_size", "attn_mask",
                                                        "text.attn_mask"};
  return known.contains(name) || name.ends_with(".position_ids");
}

std::string shape_text(const Tensor& tensor) {
  std::ostringstream out;
  out << torch::toString(tensor.scalar_type()) << ' ' << tensor.sizes();
  return out.str();
}

/// Hands the pages below a tensor of a mapped file back; they would be read again if somebody asked. A hint: it changes no value.
void release_pages(const Tensor& tensor) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(tensor.data_ptr()), end = (first + tensor.nbytes()) / page * page;
  const uintptr_t begin = (first + page - 1) / page * page;
  if (tensor.is_contiguous() && end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_PAGEOUT);
}

/// One tensor out of the parts, which must agree in everything but the first axis.
Tensor join(const std::vector<Tensor>& parts, const std::vector<std::string>& names, const std::string& source, bool lean) {
  if (parts.size() == 1) return parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    const bool alike = parts[i].dim() > 0 && parts[i].dim() == parts[0].dim() && parts[i].dtype() == parts[0].dtype() &&
                       parts[i].sizes().slice(1) == parts[0].sizes().slice(1);
    if (!alike)
      throw Error(source + ": the tensors " + names[0] + " (" + shape_text(parts[0]) + ") and " + names[i] + " (" +
                  shape_text(parts[i]) + ") belong together and do not fit each other");
  }
  const Tensor joined = torch::cat(parts);
  if (lean) std::for_each(parts.begin(), parts.end(), release_pages);
  return joined;
}

std::vector<Tensor> split(const Tensor& whole, const std::vector<int64_t>& shares, const std::string& name,
                          const std::string& source) {
  if (shares.size() == 1) return {whole};
  int64_t sum = 0;
  for (const int64_t share : shares) sum += share;
  if (whole.dim() == 0 || whole.size(0) % sum != 0)
    throw Error(source + ": the tensor " + name + " (" + shape_text(whole) + ") cannot be cut into " + std::to_string(sum) +
                " parts");
  const int64_t unit = whole.size(0) / sum;
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t share : shares) {
    parts.push_back(whole.slice(0, begin, begin + share * unit));
    begin += share * unit;
  }
  return parts;
}

/// From there to here, or back. A tensor that the layout does not fit stays as it is: load_state names it.
Tensor change_layout(const Tensor& tensor, Layout layout, bool to_ours) {
  switch (layout) {
    case Layout::kTransposed:
      return tensor.dim() == 2 ? tensor.t() : tensor;
    case Layout::kScalar:
      return tensor.numel() == 1 ? (to_ours ? tensor.reshape({}) : tensor.reshape({1})) : tensor;
    case Layout::kBatchOfOne:
      if (to_ours) return tensor.unsqueeze(0);
      return tensor.dim() > 0 && tensor.size(0) == 1 ? tensor.squeeze(0) : tensor;
    case Layout::kSame:
      break;
  }
  return tensor;
}

struct Renamed {
  StateDict state;
  std::unordered_set<std::string> used;
};

/// Applies the rules whose tensors are there. A rule half of whose tensors are missing is an error.
Renamed rename(const StateDict& from, const std::vector<NameRule>& rules, bool to_ours, const std::string& source,
               bool lean = false) {
  Renamed result;
  result.state.metadata = from.metadata;
  for (const auto& rule : rules) {
    const auto& [names, targets] = to_ours ? std::tie(rule.theirs, rule.ours) : std::tie(rule.ours, rule.theirs);
    std::vector<Tensor> parts;
    std::string missing;
    for (const auto& name : names) {
      const Tensor* tensor = from.find(name);
      if (tensor)
        parts.push_back(to_ours || rule.layout == Layout::kSame ? *tensor : change_layout(*tensor, rule.layout, false));
      else
        missing += (missing.empty() ? "" : ", ") + name;
    }
    if (parts.empty()) continue;
    if (!missing.empty()) throw Error(source + ": there is " + names[0] + " or a part of its kind, but no " + missing);
    const Tensor whole = join(parts, names, source, lean);
    const auto pieces = split(whole, to_ours ? rule.our_parts : rule.their_parts, names[0], source);
    for (size_t i = 0; i < targets.size(); ++i)
      result.state.add(targets[i], to_ours ? change_layout(pieces[i], rule.layout, true) : pieces[i]);
    result.used.insert(names.begin(), names.end());
  }
  return result;
}

}  // namespace

int64_t count_layers(const StateDict& state, const std::string& prefix) {
  int64_t count = 0;
  for (const auto& [name, tensor] : state.entries()) {
    if (!name.starts_with(prefix)) continue;
    int64_t layer = -1;
    const char* begin = name.data() + prefix.size();
    const auto [end, error] = std::from_chars(begin, name.data() + name.size(), layer);
    // A file has no more layers than tensors; a larger number is no layer of ours.
    if (error == std::errc() && *end == '.' && layer < static_cast<int64_t>(state.size())) count = std::max(count, layer + 1);
  }
  return count;
}

NameStyle name_style(const StateDict& state) {
  const auto has = [&](const char* name) { return state.find(name) != nullptr; };
  if (has("vision_model.head.probe") && has("text_model.head.weight")) return NameStyle::kHfSiglip;
  if (has("visual_projection.weight") && has("text_projection.weight")) return NameStyle::kHfClip;
  if (has("visual.conv1.weight") && (has("token_embedding.weight") || has("text.token_embedding.weight")))
    return NameStyle::kOpenClip;
  if (has("visual.trunk.attn_pool.latent") && has("text.token_embedding.weight")) return NameStyle::kOpenClip;
  return NameStyle::kUnknown;
}

std::string style_text(NameStyle style) {
  switch (style) {
    case NameStyle::kOpenClip:
      return "open_clip";
    case NameStyle::kHfClip:
      return "Hugging Face's CLIPModel";
    case NameStyle::kHfSiglip:
      return "Hugging Face's SiglipModel";
    case NameStyle::kUnknown:
      break;
  }
  return "";
}

std::string foreign_model(const StateDict& state) {
  const auto& entries = state.entries();
  const auto is_lora = [](const auto& entry) { return contains(entry.first, "lora_A") || contains(entry.first, "lora_B"); };
  if (!entries.empty() && std::all_of(entries.begin(), entries.end(), is_lora))
    return "a LoRA adapter, which is no model without its base; join them with fsc-model merge-lora";
  if (has_prefix(state, "visual.layer1.") || has_prefix(state, "visual.attnpool."))
    return "a CLIP with a ResNet image tower; only Vision Transformers can be built";
  if (has_prefix(state, "text_decoder.")) return "a CoCa model; only CLIP and SigLIP can be built";
  if (has_prefix(state, "visual.trunk.") && !has_prefix(state, "visual.trunk.attn_pool.latent"))
    return "a CLIP with an image tower from timm; of these only SigLIP's can be built";
  if (has_prefix(state, "text.transformer.embeddings.") || has_prefix(state, "text.transformer.encoder.") ||
      has_prefix(state, "text.transformer.shared."))
    return "a CLIP with a text tower from transformers (XLM-R, mT5, ...); only CLIP's own text tower can be built";
  if (has_prefix(state, "vision_model.") != has_prefix(state, "text_model."))
    return has_prefix(state, "vision_model.") ? "an image tower without its text tower" : "a text tower without its image tower";
  return "";
}

StateDict to_open_clip_names(const StateDict& state, const std::string& source, bool lean) {
  const std::string foreign = foreign_model(state);
  if (!foreign.empty()) throw Error(source + " is " + foreign);
  const NameStyle style = name_style(state);
  if (style == NameStyle::kUnknown) {
    std::string first;
    for (size_t i = 0; i < std::min<size_t>(3, state.size()); ++i) first += (i ? ", " : "") + state.entries()[i].first;
    throw Error(source + " is no CLIP or SigLIP model: its tensors have neither open_clip's nor Hugging Face's names" +
                (first.empty() ? "; it holds no tensor" : "; the first are " + first));
  }
  Renamed renamed;
  renamed.state.metadata = state.metadata;
  if (style != NameStyle::kOpenClip) {
    const auto rules = style == NameStyle::kHfClip ? hf_clip_rules : hf_siglip_rules;
    renamed = rename(
        state, rules(count_layers(state, "vision_model.encoder.layers."), count_layers(state, "text_model.encoder.layers.")),
        /*to_ours=*/true, source, lean);
  }
  for (const auto& [name, tensor] : state.entries())
    if (!renamed.used.contains(name) && !is_buffer(name) && !renamed.state.find(name)) renamed.state.add(name, tensor);
  return std::move(renamed.state);
}

StateDict to_hf_names(const StateDict& state, bool siglip, const std::string& source) {
  const auto rules =
      siglip ? hf_siglip_rules(count_layers(state, "visual.trunk.blocks."), count_layers(state, "text.transformer.resblocks."))
             : hf_clip_rules(count_layers(state, "visual.transformer.resblocks."), count_layers(state, "transformer.resblocks."));
  Renamed renamed = rename(state, rules, /*to_ours=*/false, source);
  std::string left;
  for (const auto& [name, tensor] : state.entries())
    if (!renamed.used.contains(name) && !is_buffer(name)) left += (left.empty() ? "" : ", ") + name;
  if (!left.empty())
    throw Error(source + ": Hugging Face's " + (siglip ? "SiglipModel" : "CLIPModel") + " has no place for " +
                left.substr(0, 500));
  return std::move(renamed.state);
}

}  // namespace fsc::detail
