// Chooses the attention that fits the sequences and the device; the fused one of the CPU with its gradient.
#include "fsc/kernels/attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "kernels/cpu/detail_attention.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_dispatch.h"

namespace fsc {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// [L, 3W] of N equal sequences each -> [N L, W].
Tensor uniform_attention(const Tensor& qkv_M3W, const Sequences& sequences, int64_t heads) {
  const int64_t width = qkv_M3W.size(1) / 3;
  const auto qkv = qkv_M3W.view({sequences.count, sequences.longest, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor mixed = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], {}, 0.0, sequences.causal);
  return mixed.transpose(1, 2).reshape({qkv_M3W.size(0), width});
}

std::vector<int64_t> numbers(const Tensor& tensor) {
  const Tensor here = tensor.to(torch::kCPU, torch::kInt64).contiguous();
  return {here.const_data_ptr<int64_t>(), here.const_data_ptr<int64_t>() + here.numel()};
}

/// The rows of each sequence. By split, whose gradient joins the pieces: narrow's would be as large as all of them, for each.
std::vector<Tensor> split(const Tensor& rows, const Tensor& offsets_S1) {
  return rows.split_with_sizes(numbers(offsets_S1.diff()));
}

/// Sequence by sequence.
Tensor attention_reference(const Tensor& qkv_M3W, const Sequences& sequences, int64_t heads) {
  const int64_t width = qkv_M3W.size(1) / 3;
  const Tensor qkv_M3HD = qkv_M3W.view({-1, 3, heads, width / heads});
  const auto own = split(qkv_M3HD, sequences.offsets_S1);
  const auto keys = sequences.shares() ? split(qkv_M3HD.index_select(0, sequences.keys_K), sequences.key_offsets_S1) : own;
  std::vector<Tensor> mixed;
  for (size_t s = 0; s < own.size(); ++s) {
    const int64_t rows = own[s].size(0), all = keys[s].size(0);
    if (rows == 0) continue;
    const Tensor query = own[s].select(1, 0).transpose(0, 1).unsqueeze(0);
    const auto of_keys = [&](int64_t which) { return keys[s].select(1, which).transpose(0, 1).unsqueeze(0); };
    // The last key is the last own token: the causal triangle stands at the lower right.
    const auto mask = sequences.causal ? std::optional(query.new_ones({rows, all}, torch::kBool).tril(all - rows)) : std::nullopt;
    mixed.push_back(at::scaled_dot_product_attention(query, of_keys(1), of_keys(2), mask).squeeze(0).transpose(0, 1));
  }
  return at::cat(mixed).reshape({-1, width});
}

/// ATen's attention of varying lengths: flash for 16 bits, the memory-efficient one for float32.
Tensor attention_cuda(const Tensor& qkv_M3W, const Sequences& sequences, int64_t heads) {
  const int64_t width = qkv_M3W.size(1) / 3;
  const Tensor qkv_M3HD = qkv_M3W.view({-1, 3, heads, width / heads});
  const Tensor keys = sequences.shares() ? qkv_M3HD.index_select(0, sequences.keys_K) : qkv_M3HD;
  const Tensor query = qkv_M3HD.select(1, 0), key = keys.select(1, 1), value = keys.select(1, 2);
  const Tensor& key_offsets = sequences.shares() ? sequences.key_offsets_S1 : sequences.offsets_S1;
  if (at::isReducedFloatingType(qkv_M3W.scalar_type()))
    return std::get<0>(at::_flash_attention_forward(query, key, value, sequences.offsets_S1, key_offsets, sequences.longest,
                                                    sequences.longest, 0.0, sequences.causal, /*return_debug_mask=*/false))
        .reshape({-1, width});
  constexpr int64_t kCausalFromBottomRight = 2;
  return std::get<0>(at::_efficient_attention_forward(query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0),
                                                      /*bias=*/std::nullopt, sequences.offsets_S1, key_offsets, sequences.longest,
                                                      sequences.longest, 0.0, sequences.causal ? kCausalFromBottomRight : 0,
                                                      /*compute_log_sumexp=*/true))
      .reshape({-1, width});
}

const detail::AttentionLoops& loops() {
  static constexpr const detail::AttentionLoops* kSets[] = {&detail::kAttentionPortable, &detail::kAttentionAvx2,
                                                            &detail::kAttentionAvx512, &detail::kAttentionAvx512};
  return detail::chosen(kSets);
}

/// One task a head and a range of sequences; the backward has one a head, since sequences may share keys.
void run(void (*loop)(const detail::AttentionTask&), const detail::AttentionTask& whole, int64_t ranges) {
  const int64_t sequences = whole.last;
  at::parallel_for(0, whole.heads * ranges, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(detail::attention_scratch(whole.longest, whole.size)));
    for (int64_t i = begin; i < end; ++i) {
      detail::AttentionTask task = whole;
      const int64_t range = i / whole.heads;
      task.head = i % whole.heads;
      task.first = range * sequences / ranges, task.last = (range + 1) * sequences / ranges;
      task.scratch = scratch.data();
      loop(task);
    }
  });
}

detail::AttentionTask task_of(const Tensor& qkv, const Sequences& sequences, int64_t heads) {
  detail::AttentionTask task;
  task.qkv = qkv.const_data_ptr<float>();
  task.offsets = sequences.offsets_S1.const_data_ptr<int32_t>();
  if (sequences.shares()) {
    task.keys = sequences.keys_K.const_data_ptr<int32_t>();
    task.key_offsets = sequences.key_offsets_S1.const_data_ptr<int32_t>();
  }
  task.tokens = qkv.size(0), task.heads = heads, task.size = qkv.size(1) / 3 / heads, task.longest = sequences.longest;
  task.last = sequences.count, task.causal = sequences.causal;
  return task;
}

struct SequencesHolder : torch::CustomClassHolder {
  explicit SequencesHolder(Sequences of) : sequences(std::move(of)) {}
  Sequences sequences;
};

class PackedAttention : public torch::autograd::Function<PackedAttention> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv_M3W, const c10::intrusive_ptr<SequencesHolder>& holder,
                        int64_t heads) {
    const Tensor qkv = qkv_M3W.to(torch::kFloat).contiguous();
    const Tensor out = qkv.new_empty({qkv.size(0), qkv.size(1) / 3}), lse = qkv.new_empty({heads, qkv.size(0)});
    detail::AttentionTask task = task_of(qkv, holder->sequences, heads);
    task.out = out.mutable_data_ptr<float>(), task.lse = lse.mutable_data_ptr<float>();
    run(loops().forward, task, std::min<int64_t>(holder->sequences.count, 8));
    ctx->save_for_backward({qkv_M3W, lse});
    ctx->saved_data["sequences"] = c10::IValue::make_capsule(holder);
    ctx->saved_data["heads"] = heads;
    return out.to(qkv_M3W.scalar_type());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const auto holder = c10::static_intrusive_pointer_cast<SequencesHolder>(ctx->saved_data["sequences"].toCapsule());
    const Tensor qkv = saved[0].to(torch::kFloat).contiguous(), gradient = gradients[0].to(torch::kFloat).contiguous();
    const Tensor found = torch::zeros_like(qkv);
    detail::AttentionTask task = task_of(qkv, holder->sequences, ctx->saved_data["heads"].toInt());
    task.lse = saved[1].data_ptr<float>();
    task.out_gradient = gradient.const_data_ptr<float>(), task.qkv_gradient = found.mutable_data_ptr<float>();
    run(loops().backward, task, /*ranges=*/1);
    return {found.to(saved[0].scalar_type()), {}, {}};
  }
};

}  // namespace

Tensor attention(const Tensor& qkv_M3W, const Sequences& sequences, int64_t heads) {
  TORCH_CHECK(qkv_M3W.dim() == 2 && heads > 0 && qkv_M3W.size(1) % (3 * heads) == 0, "attention: qkv ", qkv_M3W.sizes(),
              " has to be [M,3W] of ", heads, " heads");
  if (sequences.is_uniform()) return uniform_attention(qkv_M3W, sequences, heads);
  const auto reference = [&](const detail::Tensors& in) -> detail::Tensors {
    return {attention_reference(in[0], sequences, heads)};
  };
  const auto fused = [&](const detail::Tensors& in) -> detail::Tensors {
    if (in[0].is_cuda()) return {attention_cuda(in[0], sequences, heads)};
    return {PackedAttention::apply(in[0], c10::make_intrusive<SequencesHolder>(sequences), heads)};
  };
  return detail::run_kernel({.name = "attention", .tolerance = 1e-5}, {qkv_M3W}, fused, reference)[0];
}

}  // namespace fsc
