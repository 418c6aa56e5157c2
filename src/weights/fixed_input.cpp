// The fixed input: normal pixels, as normalised photos roughly are, and texts of different lengths.
#include "fsc/weights/fixed_input.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fsc/core/rng.h"
#include "fsc/tensor/autocast.h"
#include "fsc/tensor/text_rows.h"

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
std::vector<TokenIds> drawn_texts(const TextConfig& text) {
  Rng rng({kSeed, 2});
  std::vector<TokenIds> texts;
  for (int64_t row = 0; row < kCount; ++row) {
    const bool full = text.pool_type == TextPool::kLast;
    const int64_t length = full ? text.context_length : std::min<int64_t>(text.context_length, 6 + 5 * row);
    TokenIds& ids = texts.emplace_back();
    for (int64_t i = 0; i < length; ++i)
      ids.push_back(1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(text.vocab_size - 3))));
    if (!full) ids.front() = text.vocab_size - 2, ids.back() = text.vocab_size - 1;
  }
  return texts;
}

}  // namespace

FixedInputFeatures fixed_input_features(const ArchConfig& arch, const StateDict& state, const std::string& source) {
  ClipModel model{nullptr};
  {
    const UninitializedWeights no_memory;
    model = ClipModel(arch);
  }
  for (const auto& note : share_state(*model, state, source)) spdlog::info("{}", note);
  const Autocast exact(torch::kFloat32, torch::kCPU);  // products of 16-bit weights: each is cast on its way in, nothing is kept
  return fixed_input_features(*model);
}

FixedInputFeatures fixed_input_features(ClipModelImpl& model) {
  const torch::NoGradGuard no_grad;
  const TextConfig& text = model.arch().text;
  const torch::Tensor pixels = noise_images(model.arch().vision.image_size);
  const std::vector<TokenIds> texts = drawn_texts(text);
  const bool full = text.pool_type == TextPool::kLast;
  const TextRows rows = make_text_rows({&texts[0], &texts[1]}, {.width = full ? text.context_length : 0});
  const torch::Tensor ids_RT = torch::zeros({kCount, text.context_length}, torch::kInt64);
  for (int64_t r = 0; r < kCount; ++r) {
    const TokenIds& ids = texts[static_cast<size_t>(r)];
    ids_RT[r].narrow(0, 0, static_cast<int64_t>(ids.size())).copy_(torch::tensor(ids, torch::kInt64));
  }
  return {model.encode_images(pixels).features_BD.to(torch::kFloat32), model.encode_texts(rows).features_RD.to(torch::kFloat32),
          pixels, ids_RT};
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  const double difference = (a - b).abs().max().item<double>();
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

}  // namespace fsc
