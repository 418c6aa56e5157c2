// Token-patch alignment on the CPU: an image with the tokens of all its texts is one piece of work.
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/detail_alignment.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

constexpr float kEmptyText = -1e30F;

const AlignmentLoops& alignment_loops() {
  return chosen<AlignmentLoops>({&kPortableAlignment, &kAvx2Alignment, &kAvx512Alignment, &kAvx512Bf16Alignment});
}

/// The tokens of each image, in the order of the texts.
struct TokensOfImages {
  std::vector<int64_t> rows, begin;  ///< image b has rows[begin[b]] ... rows[begin[b + 1] - 1]

  explicit TokensOfImages(const AlignmentInputs& in) : begin(in.patches_BPD.size(0) + 1) {
    const int64_t* const offsets = in.offsets_R1.const_data_ptr<int64_t>();
    const int64_t* const owner = in.owner_R.const_data_ptr<int64_t>();
    const int64_t images = in.patches_BPD.size(0), texts = in.owner_R.size(0), tokens = in.tokens_VD.size(0);
    TORCH_CHECK(offsets[0] == 0 && offsets[texts] == tokens, "alignment_scores: offsets ", offsets[0], " ... ", offsets[texts],
                " of ", tokens, " tokens");
    for (int64_t r = 0; r < texts; ++r) {
      TORCH_CHECK(offsets[r] <= offsets[r + 1], "alignment_scores: the offsets of text ", r, " fall");
      TORCH_CHECK(owner[r] >= 0 && owner[r] < images, "alignment_scores: text ", r, " belongs to image ", owner[r], " of ",
                  images);
      begin[owner[r] + 1] += offsets[r + 1] - offsets[r];
    }
    for (int64_t b = 0; b < images; ++b) begin[b + 1] += begin[b];
    rows.resize(tokens);
    std::vector<int64_t> next(begin.begin(), begin.end() - 1);
    for (int64_t r = 0; r < texts; ++r)
      for (int64_t v = offsets[r]; v < offsets[r + 1]; ++v) rows[next[owner[r]]++] = v;
  }
  int64_t count(int64_t b) const { return begin[b + 1] - begin[b]; }
};

AlignmentShape shape_of(const AlignmentInputs& in) {
  return {.patches = static_cast<size_t>(in.patches_BPD.size(1)),
          .width = static_cast<size_t>(in.patches_BPD.size(2)),
          .bf16 = in.patches_BPD.scalar_type() == torch::kBFloat16,
          .softmax = in.normalizer == SimilarityNormalizer::kSoftmax,
          .sparsify = in.sparsify};
}

template <typename Pointer>
Pointer moved(Pointer start, int64_t elements, const torch::Tensor& tensor) {
  using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const char*, char*>;
  return static_cast<Byte>(start) + elements * static_cast<int64_t>(tensor.element_size());
}

/// work(image b, shape, image) for every image. Which thread takes which image doesn't matter: nothing is shared.
template <typename Work>
void for_each_image(const AlignmentInputs& in, float* kept_VK, const Work& work) {
  const TokensOfImages tokens(in);
  const AlignmentShape shape = shape_of(in);
  const int64_t images = in.patches_BPD.size(0), size = in.patches_BPD.size(1) * in.patches_BPD.size(2);
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(at::get_num_threads(), images), 1, [&](int64_t, int64_t) {
    const auto scratch = torch::empty({static_cast<int64_t>(alignment_scratch(shape))}, torch::kFloat32);
    for (int64_t b; (b = next++) < images;) {
      work(b, shape,
           AlignmentImage{.patches_PD = moved(in.patches_BPD.const_data_ptr(), b * size, in.patches_BPD),
                          .tokens_VD = in.tokens_VD.const_data_ptr(),
                          .rows = tokens.rows.data() + tokens.begin[b],
                          .count = static_cast<size_t>(tokens.count(b)),
                          .kept_VK = kept_VK,
                          .scratch = scratch.mutable_data_ptr<float>()});
    }
  });
}

/// s c of a text's tokens: the largest (0 where it is infinite), and the sum of exp(s c - largest).
struct TextSum {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  TextSum(const float* kept_TK, int64_t tokens, double scale) {
    for (int64_t t = 0; t < tokens; ++t) largest = std::max(largest, scale * kept_TK[t * kAlignmentKept]);
    if (std::isinf(largest)) largest = 0;
    for (int64_t t = 0; t < tokens; ++t) sum += std::exp(scale * kept_TK[t * kAlignmentKept] - largest);
  }
};

}  // namespace

AlignmentForward alignment_forward_cpu(const AlignmentInputs& in) {
  const int64_t texts = in.owner_R.size(0);
  AlignmentForward out{.score_R = torch::empty({texts}, torch::kFloat32),
                       .kept_VK = torch::empty({in.tokens_VD.size(0), static_cast<int64_t>(kAlignmentKept)}, torch::kFloat32)};
  float* const kept_VK = out.kept_VK.mutable_data_ptr<float>();
  for_each_image(in, kept_VK, [&](int64_t, const auto& shape, const auto& image) { alignment_loops().forward(shape, image); });

  const int64_t* const offsets = in.offsets_R1.const_data_ptr<int64_t>();
  float* const score = out.score_R.mutable_data_ptr<float>();
  const double scale = in.scale.item<float>();
  for (int64_t r = 0; r < texts; ++r) {
    const int64_t tokens = offsets[r + 1] - offsets[r];
    const TextSum text(kept_VK + offsets[r] * kAlignmentKept, tokens, scale);
    score[r] = tokens == 0 ? kEmptyText : static_cast<float>(text.largest + std::log(text.sum));
  }
  return out;
}

AlignmentGradients alignment_backward_cpu(const AlignmentInputs& in, const AlignmentForward& out,
                                          const torch::Tensor& gradient_R) {
  const int64_t texts = in.owner_R.size(0);
  const int64_t size = in.patches_BPD.size(1) * in.patches_BPD.size(2);
  const int64_t* const offsets = in.offsets_R1.const_data_ptr<int64_t>();
  const auto of_texts = gradient_R.to(torch::kFloat32).contiguous();
  const float* const gradient = of_texts.const_data_ptr<float>();
  float* const kept_VK = out.kept_VK.mutable_data_ptr<float>();
  const auto cosine_V = torch::empty({in.tokens_VD.size(0)}, torch::kFloat32);
  float* const cosine = cosine_V.mutable_data_ptr<float>();
  const double scale = in.scale.item<float>();
  double of_scale = 0;
  for (int64_t r = 0; r < texts; ++r) {
    const TextSum text(kept_VK + offsets[r] * kAlignmentKept, offsets[r + 1] - offsets[r], scale);
    for (int64_t v = offsets[r]; v < offsets[r + 1]; ++v) {
      const double c = kept_VK[v * kAlignmentKept], share = gradient[r] * std::exp(scale * c - text.largest) / text.sum;
      of_scale += share * c;
      cosine[v] = static_cast<float>(share * scale);
    }
  }
  AlignmentGradients result{.patches_BPD = torch::empty_like(in.patches_BPD),
                            .tokens_VD = torch::empty_like(in.tokens_VD),
                            .scale = torch::tensor(static_cast<float>(of_scale))};
  for_each_image(in, kept_VK, [&](int64_t b, const auto& shape, const auto& image) {
    alignment_loops().backward(shape, image,
                               {.cosine_V = cosine,
                                .patches_PD = moved(result.patches_BPD.mutable_data_ptr(), b * size, in.patches_BPD),
                                .tokens_VD = result.tokens_VD.mutable_data_ptr()});
  });
  return result;
}

}  // namespace fsc::detail
