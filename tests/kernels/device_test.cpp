// On a CUDA device: every fused kernel, forward and backward, against its reference in float64 on the CPU.
#include <torch/csrc/autograd/autograd.h>
#include <torch/cuda.h>
#include <torch/nn/functional/normalization.h>
#include <torch/utils.h>

#include <functional>

#include "fsc/kernels/attention.h"
#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"
#include "fsc/kernels/kernels.h"
#include "fsc/kernels/token_patch_alignment.h"

namespace fsc {
namespace {
using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Operation = std::function<Tensor(const Tensors& inputs, torch::Device device)>;

/// The result and the gradients of all inputs, under a fixed cotangent.
Tensors with_gradients(const Operation& operation, const Tensors& inputs, torch::Device device, torch::ScalarType dtype) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.detach().to(device, dtype).requires_grad_());
  const Tensor out = operation(leaves, device);
  const Tensor cotangent =
      torch::linspace(0.5, 1.5, out.numel(), torch::kFloat64).view(out.sizes()).to(out.device(), out.scalar_type());
  Tensors all = torch::autograd::grad({out}, leaves, {cotangent});
  all.insert(all.begin(), out.detach());
  for (Tensor& tensor : all) tensor = tensor.to(torch::kCPU, torch::kFloat64);
  return all;
}

class Device : public ::testing::TestWithParam<torch::ScalarType> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no CUDA device";
    torch::manual_seed(1);
  }
  /// Both sides see the inputs as the dtype rounds them.
  void expect_same(const Operation& operation, const Tensors& inputs, const std::string& what) const {
    Tensors rounded;
    for (const Tensor& input : inputs) rounded.push_back(input.to(GetParam()));
    const UseKernels fused(Kernels::kFusedAlways);
    const Tensors here = with_gradients(operation, rounded, torch::kCUDA, GetParam());
    const UseKernels reference(Kernels::kReference);
    const Tensors exact = with_gradients(operation, rounded, torch::kCPU, torch::kFloat64);
    const double tolerance = GetParam() == torch::kFloat32 ? 2e-5 : GetParam() == torch::kHalf ? 4e-3 : 2e-2;
    for (size_t i = 0; i < exact.size(); ++i) {
      if (exact[i].numel() == 0) continue;
      const double size = exact[i].abs().max().item<double>(), gap = (here[i] - exact[i]).abs().max().item<double>();
      EXPECT_LE(gap, tolerance * std::max(size, 1e-3)) << what << ", " << (i ? "gradient " + std::to_string(i - 1) : "result");
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Dtypes, Device, testing::Values(torch::kFloat32, torch::kBFloat16, torch::kHalf));

Tensor unit(int64_t rows, int64_t size) { return torch::nn::functional::normalize(torch::randn({rows, size})); }

TEST_P(Device, Alignment) {
  for (const int64_t patches : {1, 49, 196, 257}) {
    for (const int64_t size : {16, 33, 512, 640, 768, 1024}) {
      for (const auto normalizer : {SimilarityNormalizer::kMinmax, SimilarityNormalizer::kSoftmax}) {
        // Texts of one token, of a tile and more, without tokens; image 1 has no text.
        const Tensor offsets_R1 = torch::tensor({0, 1, 17, 17, 94, 127}, torch::kInt64);
        const Tensor owner_R = torch::tensor({2, 0, 0, 2, 3}, torch::kInt64);
        const Operation score = [&](const Tensors& in, torch::Device device) {
          const Tensor score_R = alignment_scores(in[0], in[1], offsets_R1.to(device), owner_R.to(device), in[2], normalizer,
                                                  normalizer == SimilarityNormalizer::kMinmax && patches == 196);
          return score_R.index_select(0, torch::tensor({0, 1, 3, 4}, torch::kInt64).to(device));
        };
        expect_same(score, {0.2 * torch::randn({4, patches, size}), torch::randn({127, size}), torch::tensor(8.0)},
                    "P=" + std::to_string(patches) + " D=" + std::to_string(size));
      }
    }
  }
}

TEST_P(Device, Contrastive) {
  for (const int64_t rows : {1, 31, 32, 33, 257}) {
    for (const int64_t extra : {0, 70}) {
      const Operation loss = [&](const Tensors& in, torch::Device device) {
        WorldColumns columns;
        if (extra) columns.extra_ED = in[3], columns.extra_valid_E = torch::arange(extra, device).remainder(3).gt(0);
        return contrastive_loss(in[0], in[1], in[2], columns, MissingNegatives::kMasked);
      };
      Tensors inputs{unit(rows, 96), unit(rows, 96), torch::tensor(14.0)};
      if (extra) inputs.push_back(unit(extra, 96));
      expect_same(loss, inputs, "B=" + std::to_string(rows) + " E=" + std::to_string(extra));
    }
  }
}

TEST_P(Device, ContrastiveAgainstTheWorld) {
  const Operation loss = [](const Tensors& in, torch::Device) {
    const WorldColumns columns{.image_WD = in[2], .text_WD = in[3], .offset = 33};
    return contrastive_loss(in[0], in[1], in[4], columns);
  };
  const Tensor images = unit(99, 64), texts = unit(99, 64);
  expect_same(loss, {images.slice(0, 33, 66), texts.slice(0, 33, 66), images, texts, torch::tensor(100.0)}, "offset 33 of 99");
}

TEST_P(Device, Sigmoid) {
  for (const int64_t rows : {1, 31, 32, 33, 257}) {
    const Operation loss = [](const Tensors& in, torch::Device) { return sigmoid_loss(in[0], in[1], in[2], in[3]); };
    expect_same(loss, {unit(rows, 96), unit(rows, 96), torch::tensor(10.0), torch::tensor(-10.0)}, "B=" + std::to_string(rows));
  }
}

/// Every process has the same rows, so that one can go alone.
TEST_P(Device, ColumnsByARing) {
  const auto pass = [](const Tensor& sent) { return sent.clone(); };
  const WorldColumns columns{.ring = std::make_shared<const ColumnRing>(ColumnRing{{65, 65, 65}, 1, pass})};
  const Operation contrastive = [&](const Tensors& in, torch::Device device) {
    WorldColumns all = columns;
    all.extra_valid_E = torch::arange(65, device).remainder(3).ne(1);
    all.extra_ED = in[3] * all.extra_valid_E.unsqueeze(1);
    return contrastive_loss(in[0], in[1], in[2], all, MissingNegatives::kMasked);
  };
  const Operation sigmoid = [&](const Tensors& in, torch::Device) { return sigmoid_loss(in[0], in[1], in[2], in[3], columns); };
  const Tensor images = unit(65, 64), texts = unit(65, 64);
  expect_same(sigmoid, {images, texts, torch::tensor(10.0), torch::tensor(-10.0)}, "sigmoid");
  expect_same(contrastive, {images, texts, torch::tensor(50.0), unit(65, 64)}, "contrastive");
}

TEST_P(Device, HardNegatives) {
  for (const int64_t rows : {1, 31, 32, 33, 257}) {
    for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
      const Tensor valid_BN = torch::rand({rows, 3}).lt(0.7);
      const Operation loss = [&](const Tensors& in, torch::Device device) {
        return hard_negative_loss(in[0].to(in[0].scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32),
                                  valid_BN.to(device), {}, missing)
            .mean();
      };
      expect_same(loss, {3 * torch::randn({rows, 4})}, "B=" + std::to_string(rows));
    }
  }
}

TEST_P(Device, Attention) {
  Sequences packed{.count = 4, .longest = 33, .causal = true};
  packed.offsets_S1 = torch::tensor({0, 1, 17, 50, 64}, torch::kInt32);
  for (const Sequences& sequences : {packed, Sequences::uniform(4, 16), Sequences::uniform(4, 16, true)}) {
    const Operation mix = [&](const Tensors& in, torch::Device device) { return attention(in[0], sequences.to(device), 2); };
    expect_same(mix, {torch::randn({64, 3 * 64})}, sequences.is_uniform() ? "uniform" : "packed");
  }
}

}  // namespace
}  // namespace fsc
