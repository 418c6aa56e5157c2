// Checkpoint into model: everything is checked before anything is copied.
#include <ATen/ops/_upsample_bicubic2d_aa.h>

#include <cmath>
#include <sstream>

#include "fsc/core/error.h"
#include "fsc/model/clip_model.h"
#include "fsc/model/context_length.h"

namespace fsc {
namespace {

using torch::Tensor;

/// Names to complain about; all are counted, the first ten are kept.
class Complaints {
 public:
  void add(const std::string& text) {
    if (count_++ < 10) text_ += (text_.empty() ? "" : ", ") + text;
  }
  int64_t count() const { return count_; }
  std::string line(const char* title) const {
    if (count_ == 0) return "";
    return "\n  " + std::string(title) + " (" + std::to_string(count_) + "): " + text_ + (count_ > 10 ? ", ..." : "");
  }

 private:
  int64_t count_ = 0;
  std::string text_;
};

std::string shape_text(const Tensor& tensor) {
  std::ostringstream out;
  out << tensor.sizes();
  return out.str();
}

/// [prefix+G*G, W] to [prefix+grid*grid, W], the class token (prefix 1; SigLIP has none) first; undefined when the rows form no
/// square.
Tensor resize_grid(const Tensor& embedding, int64_t grid, int64_t prefix, std::vector<std::string>& notes) {
  const int64_t old = std::llround(std::sqrt(static_cast<double>(embedding.size(0) - prefix)));
  if (old < 1 || old * old + prefix != embedding.size(0)) return {};
  const int64_t width = embedding.size(1);
  const Tensor image = embedding.slice(0, prefix).view({1, old, old, width}).permute({0, 3, 1, 2});
  const Tensor resized = at::_upsample_bicubic2d_aa(image, {grid, grid}, /*align_corners=*/false);
  notes.push_back("image position embedding interpolated from a " + std::to_string(old) + "x" + std::to_string(old) + " to a " +
                  std::to_string(grid) + "x" + std::to_string(grid) + " grid");
  return torch::cat({embedding.slice(0, 0, prefix), resized.permute({0, 2, 3, 1}).reshape({grid * grid, width})});
}

/// [T, W] to [length, W], both ways: a checkpoint opened in an architecture of another context.
Tensor resize_context(const Tensor& embedding, int64_t length, std::vector<std::string>& notes) {
  notes.push_back("text position embedding interpolated from " + std::to_string(embedding.size(0)) + " to " +
                  std::to_string(length) + " positions");
  return interpolate_context(embedding, length);
}

/// The value for the parameter `name`, reshaped or interpolated as open_clip does it; undefined when it does not fit.
Tensor fit(const std::string& name, const Tensor& value, const Tensor& parameter, const ArchConfig& arch,
           std::vector<std::string>& notes) {
  if (!value.is_floating_point()) return {};
  if (value.sizes() == parameter.sizes()) return value;
  if ((name == "logit_scale" || name == "logit_bias") && value.numel() == 1) return value.reshape({});
  if (name == "visual.trunk.pos_embed" && value.dim() == 3 && value.size(0) == 1 && value.size(1) > 0 &&
      value.size(2) == parameter.size(2)) {
    const Tensor resized = resize_grid(value[0].to(torch::kFloat32), arch.vision.grid(), 0, notes);
    return resized.defined() ? resized.unsqueeze(0) : resized;
  }
  const bool same_width = value.dim() == 2 && parameter.dim() == 2 && value.size(0) > 0 && value.size(1) == parameter.size(1);
  if (name == "visual.positional_embedding" && same_width)
    return resize_grid(value.to(torch::kFloat32), arch.vision.grid(), 1, notes);
  if ((name == "positional_embedding" || name == "text.positional_embedding") && same_width)
    return resize_context(value, arch.text.context_length, notes);
  return {};
}

bool all_finite(const Tensor& tensor) {
  // A finite sum proves that all terms are finite; only an infinite one (which might be an overflow) needs the slow look.
  return std::isfinite(tensor.sum(torch::kFloat32).item<double>()) || at::isfinite(tensor).all().item<bool>();
}

struct Fitted {
  std::string name;
  Tensor parameter, value;
};

/// The value for each parameter, all checked.
std::vector<Fitted> fit_all(const ClipModelImpl& model, const StateDict& state, const std::string& source,
                            std::vector<std::string>& notes) {
  std::vector<Fitted> fitted;
  Complaints missing, unexpected, misfits;
  const auto parameters = model.named_parameters();
  for (const auto& parameter : parameters) {
    const Tensor* value = state.find(parameter.key());
    if (!value && parameter.key() == "logit_bias") {
      notes.push_back("logit_bias is not in the checkpoint, it starts at 0");
      fitted.push_back({parameter.key(), parameter.value(), torch::zeros({})});
      continue;
    }
    if (!value) {
      missing.add(parameter.key());
      continue;
    }
    const Tensor resized = fit(parameter.key(), *value, parameter.value(), model.arch(), notes);
    if (resized.defined()) {
      fitted.push_back({parameter.key(), parameter.value(), resized});
    } else {
      misfits.add(parameter.key() + " is " + torch::toString(value->scalar_type()) + " " + shape_text(*value) + ", Float " +
                  shape_text(parameter.value()) + " is expected");
    }
  }
  for (const auto& [name, tensor] : state.entries()) {
    if (!parameters.contains(name) && name != "attn_mask" && name != "text.attn_mask") unexpected.add(name);
  }
  if (missing.count() + unexpected.count() + misfits.count() > 0) {
    throw Error(source + " does not fit the architecture " + model.arch().name + missing.line("missing") +
                unexpected.line("unexpected") + misfits.line("wrong shape or type") +
                "\n  give the architecture that the checkpoint was made with (model.arch, --arch)");
  }
  for (const auto& [name, tensor] : state.entries()) {
    if (parameters.contains(name) && !all_finite(tensor)) {
      throw Error(source + ": tensor " + name + " holds NaN or Inf; the checkpoint is of no use, take an earlier one");
    }
  }
  return fitted;
}

/// Weights that every use multiplies a matrix by or looks up: autocast casts them on the way.
bool may_stay_low(const std::string& name, const Tensor& value) {
  return value.dim() >= 2 && (name.ends_with("weight") || name.ends_with("proj") || name.ends_with("projection"));
}

}  // namespace

std::vector<std::string> load_state(ClipModelImpl& model, const StateDict& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> notes;
  for (auto& [name, parameter, value] : fit_all(model, state, source, notes)) parameter.copy_(value);
  return notes;
}

std::vector<std::string> share_state(ClipModelImpl& model, const StateDict& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> notes;
  for (auto& [name, parameter, value] : fit_all(model, state, source, notes)) {
    const bool as_it_is =
        value.scalar_type() == parameter.scalar_type() || (value.element_size() == 2 && may_stay_low(name, value));
    if (as_it_is)
      parameter.set_data(value);
    else
      parameter.copy_(value);
  }
  return notes;
}

}  // namespace fsc
