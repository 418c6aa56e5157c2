// Token-patch alignment: FSC-CLIP's batches of one caption and three negatives an image.
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include "bench/captions.h"
#include "bench/cases.h"
#include "fsc/kernels/token_patch_alignment.h"

namespace fsc::bench {
namespace {

struct Shape {
  int64_t images, negatives, patches, size;
};

Case alignment_case(const Shape& s, const std::string& dtype, double must, torch::Device device) {
  const TextRows texts = pack(captions_and_negatives(s.images, s.negatives, 49408, 1), Packing::kPacked);
  const int64_t tokens = texts.tokens_V.size(0);
  const auto valid = static_cast<double>(tokens), patches = static_cast<double>(s.patches), size = static_cast<double>(s.size);
  const auto element = static_cast<double>(c10::elementSize(scalar_type(dtype)));
  Case c{.kernel = "alignment", .dtype = dtype, .must = must};
  c.shape = "B=" + std::to_string(s.images) + " N=" + std::to_string(s.negatives) + " P=" + std::to_string(s.patches) +
            " D=" + std::to_string(s.size);
  c.flops = 2 * valid * patches * size * 3;  // similarities, aligned vectors; backward: the patches' gradient
  c.bytes = 3 * element * size * (valid + patches * static_cast<double>(s.images));
  c.make = [=](Kernels) -> Work {
    torch::manual_seed(1);
    const auto options = torch::TensorOptions(device);
    const auto patches_BPD = torch::randn({s.images, s.patches, s.size}, options).to(scalar_type(dtype)).requires_grad_();
    const auto tokens_VD = torch::randn({tokens, s.size}, options).to(scalar_type(dtype)).requires_grad_();
    const auto scale = torch::full({}, 14.3, options).requires_grad_();
    const auto offsets_R1 = texts.offsets_R1.to(device), owner_R = roles_of(s.images, s.negatives).owner_R.to(device);
    return [=] {
      const auto score_R =
          alignment_scores(patches_BPD, tokens_VD, offsets_R1, owner_R, scale, SimilarityNormalizer::kMinmax, false);
      return torch::autograd::grad({score_R.sum()}, {patches_BPD, tokens_VD, scale});
    };
  };
  return c;
}

}  // namespace

std::vector<Case> alignment_cases(torch::Device device) {
  const bool cuda = device.is_cuda();
  std::vector<Case> cases;
  for (const std::string dtype : {"fp32", "bf16", "fp16"}) {
    if (dtype == "fp16" && !cuda) continue;  // the reference's work there
    cases.push_back(alignment_case({64, 3, 49, 512}, dtype, cuda ? 3 : 0, device));
    cases.push_back(alignment_case({64, 3, 256, 768}, dtype, cuda ? 3 : 0, device));
    if (!cuda) continue;
    cases.push_back(alignment_case({1024, 3, 49, 512}, dtype, 3, device));
    cases.push_back(alignment_case({256, 3, 256, 1024}, dtype, 3, device));
  }
  return cases;
}

}  // namespace fsc::bench
