// The losses over a batch: contrastive, sigmoid, (1+N)-way.
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include "bench/cases.h"
#include "fsc/kernels/contrastive.h"
#include "fsc/kernels/hard_negative.h"

namespace fsc::bench {
namespace {

torch::Tensor unit_rows(int64_t rows, int64_t size, const std::string& dtype, torch::Device device) {
  const auto x = torch::randn({rows, size}, torch::TensorOptions(device));
  return (x / x.norm(2, {1}, true)).to(scalar_type(dtype)).requires_grad_();
}

Case pairs_case(const std::string& kernel, int64_t rows, int64_t extra, int64_t size, const std::string& dtype, double must,
                torch::Device device) {
  const bool sigmoid = kernel == "sigmoid";
  const auto b = static_cast<double>(rows), columns = static_cast<double>(rows + extra), d = static_cast<double>(size);
  const auto element = static_cast<double>(c10::elementSize(scalar_type(dtype)));
  Case c{.kernel = kernel, .dtype = dtype, .flops = 6 * b * columns * d, .bytes = 3 * element * d * (b + columns), .must = must};
  c.shape = "B=" + std::to_string(rows) + (extra ? " E=" + std::to_string(extra) : "") + " D=" + std::to_string(size);
  c.make = [=](Kernels) -> Work {
    torch::manual_seed(1);
    const auto image_BD = unit_rows(rows, size, dtype, device), text_BD = unit_rows(rows, size, dtype, device);
    const auto scale = torch::full({}, 14.3, torch::TensorOptions(device)).requires_grad_();
    const auto bias = torch::full({}, -10.0, torch::TensorOptions(device)).requires_grad_();
    const auto extra_ED = extra ? unit_rows(extra, size, dtype, device) : torch::Tensor();
    std::vector<torch::Tensor> inputs{image_BD, text_BD, scale};
    if (sigmoid) inputs.push_back(bias);
    if (extra) inputs.push_back(extra_ED);
    return [=] {
      const WorldColumns columns{.extra_ED = extra_ED};
      const auto loss =
          sigmoid ? sigmoid_loss(image_BD, text_BD, scale, bias) : contrastive_loss(image_BD, text_BD, scale, columns);
      return torch::autograd::grad({loss}, inputs);
    };
  };
  return c;
}

Case hard_negative_case(int64_t rows, int64_t negatives, torch::Device device) {
  const auto numbers = static_cast<double>(rows * (1 + negatives));
  Case c{.kernel = "hard negative", .dtype = "fp32", .flops = 30 * numbers, .bytes = 3 * 4 * numbers};
  c.shape = "B=" + std::to_string(rows) + " N=" + std::to_string(negatives);
  c.make = [=](Kernels) -> Work {
    torch::manual_seed(1);
    const auto logits_BK = (3 * torch::randn({rows, 1 + negatives}, torch::TensorOptions(device))).requires_grad_();
    const auto valid_BN = torch::rand({rows, negatives}, torch::TensorOptions(device)).lt(0.9);
    return [=] { return torch::autograd::grad({hard_negative_loss(logits_BK, valid_BN, {}).mean()}, {logits_BK}); };
  };
  return c;
}

}  // namespace

std::vector<Case> loss_cases(torch::Device device) {
  const bool cuda = device.is_cuda();
  std::vector<Case> cases;
  for (const std::string dtype : {"fp32", "bf16", "fp16"}) {
    if (dtype == "fp16" && !cuda) continue;  // the reference's work there
    cases.push_back(pairs_case("contrastive", 1024, 0, 512, dtype, 0, device));
    cases.push_back(pairs_case("contrastive", 8192, 0, 512, dtype, 0, device));
    cases.push_back(pairs_case("contrastive", 1024, 3072, 512, dtype, 0, device));
    cases.push_back(pairs_case("sigmoid", 4096, 0, 768, dtype, 0, device));
    if (cuda) cases.push_back(pairs_case("contrastive", 32768, 0, 512, dtype, 1.5, device));
  }
  cases.push_back(hard_negative_case(4096, 3, device));
  cases.push_back(hard_negative_case(256, 3, device));
  return cases;
}

}  // namespace fsc::bench
