// Attention over packed sequences, and the whole text tower: packed, and with shared prefixes, against padding to the longest.
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include "bench/captions.h"
#include "bench/cases.h"
#include "fsc/kernels/attention.h"
#include "fsc/model/clip_model.h"
#include "fsc/model/cost.h"
#include "fsc/tensor/autocast.h"

namespace fsc::bench {
namespace {

constexpr int64_t kNegatives = 3;

Case attention_case(int64_t images, const std::string& dtype, torch::Device device) {
  const ArchConfig arch = ArchConfig::load("ViT-B-32");
  const int64_t width = arch.text.width, heads = arch.text.heads;
  const TextRows texts = pack(captions_and_negatives(images, kNegatives, arch.text.vocab_size, 1), Packing::kPacked);
  Sequences sequences = texts.sequences;
  sequences.causal = true;
  const auto lengths = sequences.offsets_S1.diff().to(torch::kFloat64);
  const double keys = (lengths * (lengths + 1) / 2).sum().item<double>();
  const auto tokens = static_cast<double>(texts.tokens());
  Case c{.kernel = "attention", .dtype = dtype};
  c.shape = "R=" + std::to_string(texts.size()) + " W=" + std::to_string(width) + " H=" + std::to_string(heads);
  c.flops = 12 * keys * static_cast<double>(width);  // two products, and four backward
  c.bytes = 11 * tokens * static_cast<double>(width * static_cast<int64_t>(c10::elementSize(scalar_type(dtype))));
  c.make = [=](Kernels) -> Work {
    torch::manual_seed(1);
    const auto qkv_M3W =
        torch::randn({texts.tokens(), 3 * width}, torch::TensorOptions(device)).to(scalar_type(dtype)).requires_grad_();
    const auto gradient_MW = torch::randn({texts.tokens(), width}, torch::TensorOptions(device)).to(scalar_type(dtype));
    const Sequences here = sequences.to(device);
    return [=] { return torch::autograd::grad({attention(qkv_M3W, here, heads)}, {qkv_M3W}, {gradient_MW}); };
  };
  return c;
}

/// Kernels::kReference: padded to the longest.
Case tower_case(const std::string& kernel, const std::vector<TokenIds>& texts, Packing packing, const std::string& shape,
                bool train, const std::string& dtype, torch::Device device) {
  const ArchConfig arch = ArchConfig::load("ViT-B-32");
  const TextRows packed = pack(texts, packing);
  Case c{.kernel = kernel, .shape = shape, .dtype = dtype};
  c.flops = 2 * (train ? 3 : 1) * (forward_work(arch, 0, static_cast<double>(packed.tokens())));
  c.make = [=](Kernels kernels) -> Work {
    ClipModel model(arch);
    model->initialize(1);
    model->to(device);
    const TextRows rows = (kernels == Kernels::kReference ? pack(texts, Packing::kPadded) : packed).to(device);
    const auto gradient_RD = torch::randn({rows.size(), arch.embed_dim}, torch::TensorOptions(device));
    std::vector<torch::Tensor> weights;
    for (const auto& item : model->named_parameters())
      if (item.key().find("visual") == std::string::npos && item.key() != "logit_scale") weights.push_back(item.value());
    return [=]() mutable -> std::vector<torch::Tensor> {
      const torch::AutoGradMode with_graph(train);
      torch::Tensor features_RD;
      {
        const Autocast autocast(dtype == "bf16" ? Precision::kAmpBf16 : Precision::kFp32, device.type());
        features_RD = model->encode_texts(rows).features_RD;
      }
      if (!train) return {features_RD};
      return torch::autograd::grad({features_RD}, weights, {gradient_RD.to(features_RD.scalar_type())});
    };
  };
  return c;
}

}  // namespace

std::vector<Case> text_cases(torch::Device device) {
  const bool cuda = device.is_cuda();
  std::vector<Case> cases;
  for (const std::string dtype : {"fp32", "bf16"}) {
    if (dtype == "bf16" && !cuda) continue;
    cases.push_back(attention_case(256, dtype, device));
    for (const int64_t images : {32, 256, 1024}) {
      if (images == 1024 && !cuda) continue;
      const auto texts = captions_and_negatives(images, kNegatives, 49408, 1);
      const std::string shape = "B=" + std::to_string(images) + " N=" + std::to_string(kNegatives) + " ViT-B-32";
      cases.push_back(tower_case("text, packed", texts, Packing::kPacked, shape, true, dtype, device));
      cases.push_back(tower_case("text, shared", texts, Packing::kShared, shape, true, dtype, device));
    }
    const int64_t classes = cuda ? 1000 : 8;
    cases.push_back(tower_case("prompts, shared", prompts(80, classes, 49408, 1), Packing::kShared,
                               "80 x " + std::to_string(classes) + " ViT-B-32", false, dtype, device));
  }
  return cases;
}

}  // namespace fsc::bench
