// The losses over a batch of pairs where the columns come by a ring: block after block through the kernels, and gradients of a
// block that travel with it.
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/logaddexp.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "kernels/detail_backends.h"
#include "kernels/detail_column_ring.h"
#include "kernels/detail_float32.h"
#include "kernels/detail_pair_losses.h"

namespace fsc::detail {
namespace {

using torch::autograd::AutogradContext;

/// Tensors of one process's rows that go round, some of them undefined: padded to the largest number of rows, as what is passed
/// has one shape.
class Block {
 public:
  Block(const ColumnRing& ring, const Tensors& rows) : ring_(ring), owner_(ring.place) {
    const int64_t most = *std::max_element(ring.rows.begin(), ring.rows.end());
    for (const auto& x : rows) padded_.push_back(x.defined() ? at::constant_pad_nd(x.detach(), {0, 0, 0, most - x.size(0)}) : x);
  }

  bool is_home() const { return owner_ == ring_.place; }
  torch::Tensor operator[](size_t i) const {
    return padded_[i].defined() ? padded_[i].narrow(0, 0, ring_.rows[owner_]) : padded_[i];
  }
  /// Goes on to the next process; what is here now is the previous one's.
  void pass() {
    for (auto& x : padded_)
      if (x.defined()) x = ring_.pass(x);
    owner_ = (owner_ + ring_.rows.size() - 1) % ring_.rows.size();
  }

 private:
  const ColumnRing& ring_;
  size_t owner_;
  Tensors padded_;
};

/// Where gradients are added up: sums of many want more digits than two bytes hold.
torch::Tensor sums_for(const torch::Tensor& x) { return x.defined() ? torch::zeros_like(at_least_float32(x.detach())) : x; }

torch::Tensor leaf(const torch::Tensor& x) { return x.defined() ? x.detach().requires_grad_() : x; }

/// The place of the first row's pair where a block has none of them: beside all columns.
int64_t beside(const torch::Tensor& rows, const torch::Tensor& columns) { return -rows.size(0) - columns.size(0); }

// --- sigmoid

/// A sum over blocks: value and gradients of each are made at once, so that it goes round once.
struct SigmoidRing : torch::autograd::Function<SigmoidRing> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& image_BD, const torch::Tensor& text_BD,
                               const torch::Tensor& scale, const torch::Tensor& bias, const ColumnRing* ring, double share) {
    const torch::AutoGradMode with_graph(true);
    Block texts(*ring, {text_BD}), slopes(*ring, {sums_for(text_BD)});
    const Tensors sums{sums_for(image_BD), sums_for(scale), sums_for(bias)};
    torch::Tensor loss;
    for (size_t step = 0; step < ring->rows.size(); ++step) {
      if (step > 0) texts.pass();
      const Tensors at{leaf(image_BD), leaf(texts[0]), leaf(scale), leaf(bias)};
      const auto part = share * sigmoid_of_columns(at[0], at[1], at[2], at[3], texts.is_home() ? 0 : beside(at[0], at[1]));
      const auto gradients = torch::autograd::grad({part}, at);
      loss = loss.defined() ? loss + part.detach() : part.detach();
      sums[0].add_(gradients[0]);
      slopes[0].add_(gradients[1]);
      sums[1].add_(gradients[2]);
      sums[2].add_(gradients[3]);
      slopes.pass();
    }
    context->save_for_backward({sums[0], slopes[0], sums[1], sums[2]});
    return loss;
  }

  static Tensors backward(AutogradContext* context, const Tensors& gradients) {
    Tensors all = context->get_saved_variables();
    for (auto& gradient : all) gradient = gradients[0] * gradient;
    all.resize(6);
    return all;
  }
};

// --- contrastive

/// Rows against the block that is here. What is chosen (Kernels) is so block by block, but it never changes what is passed.
class ContrastiveBlock {
 public:
  /// rows: images, texts; block: images, texts, extra columns and which exist, each as they belong to a row.
  ContrastiveBlock(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale, const Block& block)
      : offset_(block.is_home() ? 0 : beside(image_BD, block[0])) {
    // Those at home are the rows themselves, of which both directions share one product.
    const bool home = block.is_home();
    Tensors features{image_BD, text_BD, home ? torch::Tensor() : block[0], home ? torch::Tensor() : block[1], block[2]};
    if (features[4].defined()) features[4] = features[4].reshape({-1, image_BD.size(1)});
    if (block[3].defined()) exists_E_ = block[3].reshape({-1});
    columns_ = block[0].size(0) + (features[4].defined() ? features[4].size(0) : 0);
    for (const auto& x : features) inputs_.push_back(leaf(x));  // with a gradient, or nobody would verify them
    inputs_.push_back(leaf(scale));
  }

  /// The log-sum-exps of this block; its loss at home only.
  ContrastiveForward forward() const {
    const auto form = [&](auto function) {
      return [=, this](const Tensors& x) -> Tensors {
        const torch::NoGradGuard no_graph;
        const ContrastiveForward out = function(inputs_of(x));
        return offset_ == 0 ? Tensors{out.image_lse_B, out.text_lse_B, out.loss} : Tensors{out.image_lse_B, out.text_lse_B};
      };
    };
    const auto fused = [](const ContrastiveInputs& in) {
      return in.image_BD.is_cuda() ? contrastive_forward_cuda(in) : contrastive_forward_cpu(in);
    };
    const auto out = run(form(fused), form(contrastive_sums_reference));
    return {out.size() > 2 ? out[2] : torch::Tensor(), out[0], out[1]};
  }

  /// For the log-sum-exps over all blocks.
  ContrastiveGradients backward(const torch::Tensor& image_lse_B, const torch::Tensor& text_lse_B,
                                const torch::Tensor& gradient) const {
    const auto form = [&](auto function) {
      return [=, this](const Tensors& x) -> Tensors {
        const torch::NoGradGuard no_graph;
        const ContrastiveGradients g = function(inputs_of(x), ContrastiveForward{{}, image_lse_B, text_lse_B}, gradient);
        Tensors all{g.image_BD, g.text_BD, g.image_WD, g.text_WD, g.extra_ED, g.scale};
        for (auto& one : all)
          if (!one.defined()) one = torch::empty({0}, gradient.options());
        return all;
      };
    };
    const auto fused = [](const ContrastiveInputs& in, const ContrastiveForward& out, const torch::Tensor& upstream) {
      return in.image_BD.is_cuda() ? contrastive_backward_cuda(in, out, upstream) : contrastive_backward_cpu(in, out, upstream);
    };
    const auto g = run(form(fused), form(contrastive_gradients_reference));
    return {g[0], g[1], g[2], g[3], g[4], g[5]};
  }

 private:
  ContrastiveInputs inputs_of(const Tensors& x) const { return {x[0], x[1], x[2], x[3], x[4], exists_E_, offset_, x[5]}; }

  Tensors run(const KernelForm& fused, const KernelForm& reference) const {
    const torch::AutoGradMode verified(true);
    return run_kernel(pair_operation("contrastive", inputs_[0], columns_), inputs_, fused, reference);
  }

  int64_t offset_, columns_ = 0;
  torch::Tensor exists_E_;
  Tensors inputs_;
};

/// Keeps a ring until the backward.
struct KeptRing : torch::CustomClassHolder {
  explicit KeptRing(std::shared_ptr<const ColumnRing> given) : ring(std::move(given)) {}
  std::shared_ptr<const ColumnRing> ring;
};

struct ContrastiveRing : torch::autograd::Function<ContrastiveRing> {
  using Maybe = std::optional<torch::Tensor>;  // an argument that may be undefined

  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& image_BD, const torch::Tensor& text_BD,
                               const Maybe& extra_BND, const Maybe& exists_BN, const torch::Tensor& scale,
                               const std::shared_ptr<const ColumnRing>& ring) {
    Block block(*ring, {image_BD, text_BD, *extra_BND, *exists_BN});
    const ContrastiveForward home = ContrastiveBlock(image_BD, text_BD, scale, block).forward();
    // How far other blocks raise the log-sum-exps: as small as it is where a row is sure, a difference of large ones would be
    // lost.
    auto image_rise_B = torch::zeros_like(home.image_lse_B), text_rise_B = torch::zeros_like(home.text_lse_B);
    for (size_t step = 1; step < ring->rows.size(); ++step) {
      block.pass();
      const ContrastiveForward other = ContrastiveBlock(image_BD, text_BD, scale, block).forward();
      image_rise_B = at::logaddexp(image_rise_B, other.image_lse_B - home.image_lse_B);
      text_rise_B = at::logaddexp(text_rise_B, other.text_lse_B - home.text_lse_B);
    }
    context->save_for_backward(
        {image_BD, text_BD, *extra_BND, *exists_BN, scale, home.image_lse_B + image_rise_B, home.text_lse_B + text_rise_B});
    context->saved_data["ring"] = c10::IValue::make_capsule(c10::make_intrusive<KeptRing>(ring));
    return home.loss + 0.5 * (image_rise_B.mean() + text_rise_B.mean());
  }

  static Tensors backward(AutogradContext* context, const Tensors& gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "contrastive_loss by a ring has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto kept = context->saved_data["ring"].toCapsule();
    const ColumnRing& ring = *static_cast<const KeptRing&>(*kept).ring;
    const auto &image_BD = saved[0], &text_BD = saved[1], &scale = saved[4];
    Block block(ring, {image_BD, text_BD, saved[2], saved[3]});
    Block slopes(ring, {sums_for(image_BD), sums_for(text_BD), sums_for(saved[2])});
    const Tensors sums{sums_for(image_BD), sums_for(text_BD), sums_for(scale)};
    for (size_t step = 0; step < ring.rows.size(); ++step) {
      if (step > 0) block.pass();
      const auto g = ContrastiveBlock(image_BD, text_BD, scale, block).backward(saved[5], saved[6], gradients[0]);
      sums[0].add_(g.image_BD);
      sums[1].add_(g.text_BD);
      sums[2].add_(g.scale);
      if (!block.is_home()) {
        slopes[0].add_(g.image_WD);
        slopes[1].add_(g.text_WD);
      }
      if (saved[2].defined()) slopes[2].add_(g.extra_ED.view_as(slopes[2]));
      slopes.pass();
    }
    return {sums[0] + slopes[0], sums[1] + slopes[1], slopes[2], {}, sums[2], {}};
  }
};

}  // namespace

torch::Tensor contrastive_by_ring(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& extra_ED,
                                  const torch::Tensor& extra_valid_E, const torch::Tensor& scale,
                                  const std::shared_ptr<const ColumnRing>& ring) {
  const NoAutocast guard;
  Tensors features{image_BD, text_BD, extra_ED};
  unify(features);
  // Extra columns beside the row that they come from, so that all are rows of a process.
  const auto by_row = [&](const torch::Tensor& x) {
    return ContrastiveRing::Maybe(x.defined() ? x.reshape({image_BD.size(0), -1}) : x);
  };
  return ContrastiveRing::apply(features[0].contiguous(), features[1].contiguous(), by_row(features[2]), by_row(extra_valid_E),
                                at_least_float32(scale).reshape({}), ring);
}

torch::Tensor sigmoid_by_ring(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                              const torch::Tensor& bias, const ColumnRing& ring, double share) {
  const NoAutocast guard;
  return SigmoidRing::apply(image_BD, text_BD, scale, bias, &ring, share);
}

}  // namespace fsc::detail
