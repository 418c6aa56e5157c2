// The fixed input: normal pixels, as normalised photos roughly are, and texts of different lengths.
#include "fsc/weights/probe.h"

#include <ATen/autocast_mode.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fsc/core/rng.h"

namespace fsc {
namespace {

constexpr int64_t kCount = 2;
constexpr uint64_t kSeed = 20260101;

torch::Tensor noise_images(int64_t size) {
  torch::Tensor images = torch::empty({kCount, 3, size, size});
  Rng rng({kSeed, 1});
  float* values = images.data_ptr<float>();
  for (int64_t i = 0; i < images.numel(); ++i) values[i] = static_cast<float>(rng.normal());
  return images;
}

/// CLIP's: start, tokens, end (the two largest ids), padding. SigLIP's: tokens to the end of the context.
torch::Tensor drawn_texts(const TextConfig& text) {
  torch::Tensor ids = torch::zeros({kCount, text.context_length}, torch::kInt64);
  Rng rng({kSeed, 2});
  for (int64_t row = 0; row < kCount; ++row) {
    const bool full = text.pool_type == TextPool::kLast;
    const int64_t length = full ? text.context_length : std::min<int64_t>(text.context_length, 6 + 5 * row);
    for (int64_t i = 0; i < length; ++i)
      ids[row][i] = 1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(text.vocab_size - 3)));
    if (!full) ids[row][0] = text.vocab_size - 2, ids[row][length - 1] = text.vocab_size - 1;
  }
  return ids;
}

/// Products of 16-bit weights in float32: every operation casts its weights on the way in, and nothing is kept.
class Float32Autocast {
 public:
  Float32Autocast() : enabled_(at::autocast::is_autocast_enabled(at::kCPU)), dtype_(at::autocast::get_autocast_dtype(at::kCPU)) {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, torch::kFloat32);
  }
  ~Float32Autocast() {
    at::autocast::set_autocast_enabled(at::kCPU, enabled_);
    at::autocast::set_autocast_dtype(at::kCPU, dtype_);
  }
  Float32Autocast(const Float32Autocast&) = delete;
  Float32Autocast& operator=(const Float32Autocast&) = delete;

 private:
  bool enabled_;
  at::ScalarType dtype_;
};

}  // namespace

ProbeFeatures probe_state(const ArchConfig& arch, const StateDict& state, const std::string& source) {
  ClipModel model{nullptr};
  {
    const UninitializedWeights no_memory;
    model = ClipModel(arch);
  }
  for (const auto& note : share_state(*model, state, source)) spdlog::info("{}", note);
  const Float32Autocast float32;
  return probe_features(*model);
}

ProbeFeatures probe_features(ClipModelImpl& model) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor pixels = noise_images(model.arch().vision.image_size), ids = drawn_texts(model.arch().text);
  return {model.encode_images(pixels).features_BD.to(torch::kFloat32), model.encode_texts(ids).features_RD.to(torch::kFloat32),
          pixels, ids};
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  const double difference = (a - b).abs().max().item<double>();
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

}  // namespace fsc
