// One optimizer step, top to bottom; nothing here waits for the device.
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <numeric>
#include <utility>

#include "fsc/core/rng.h"
#include "fsc/dist/gather.h"
#include "fsc/tensor/autocast.h"
#include "fsc/train/trainer.h"
#include "train/detail_optimizer_shards.h"
#include "train/detail_range.h"

namespace fsc {
namespace {

/// Rows of part `part` of `parts`; none is empty as long as there are as many rows as parts.
torch::Tensor slice_of(const torch::Tensor& rows, int64_t part, int64_t parts) {
  return rows.slice(0, part * rows.size(0) / parts, (part + 1) * rows.size(0) / parts);
}

/// The tensors that the towers make.
std::array<torch::Tensor*, 4> made_by_towers(Features& f) {
  return {&f.image_BD, &f.image_tokens_BPD, &f.text_RD, &f.text_tokens_VD};
}

/// The rows of all processes side by side.
WorldColumns gathered(World& world, const Features& features, bool negatives, const std::vector<int64_t>& rows) {
  return columns_of(gather_rows(world, rows_for_others(features, negatives), rows), features.image_BD.size(1),
                    negatives ? features.roles.negatives_BN().size(1) : 0,
                    std::accumulate(rows.begin(), rows.begin() + world.rank(), int64_t{0}));
}

/// The processes as a ring by which rows come.
std::shared_ptr<const ColumnRing> ring_of(const std::shared_ptr<World>& world, const std::vector<int64_t>& rows) {
  const int64_t size = world->size(), next = (world->rank() + 1) % size, previous = (world->rank() + size - 1) % size;
  const auto pass = [world, next, previous](const torch::Tensor& sent) { return world->exchange(sent, next, previous); };
  return std::make_shared<ColumnRing>(ColumnRing{.rows = rows, .place = static_cast<size_t>(world->rank()), .pass = pass});
}

}  // namespace

/// The towers on one part of the images and of the texts; any parts do, as only features meet.
Features Learner::encode(const Batch& batch, int64_t part, uint64_t random) {
  const detail::Range range("towers");
  if (has_dropout) {  // the second pass drops what the first did
    const auto stream = static_cast<uint64_t>(part + accum_freq * world->rank());
    torch::manual_seed(mix64(random + stream));
  }
  const Autocast autocast(precision, device.type());
  const EncodedImages image = model->encode_images(slice_of(batch.images, part, accum_freq), needs.tokens);
  const EncodedTexts text =
      model->encode_texts(accum_freq == 1 ? batch.texts : batch.text_parts[static_cast<size_t>(part)], needs.tokens);
  return {.image_BD = image.features_BD,
          .image_tokens_BPD = image.tokens_BPD,
          .text_RD = text.features_RD,
          .text_tokens_VD = text.tokens_VD};
}

/// On the device: pixels normalised, once for all passes, and the texts in parts.
Batch Learner::prepared(Batch batch) const {
  if (accum_freq > 1 && batch.text_parts.empty()) batch.text_parts = in_parts(batch.texts, accum_freq);
  batch = batch.to(device);
  if (batch.images.scalar_type() == torch::kUInt8) batch.images = to_model_input(batch.images, preprocess);
  batch.images = batch.images.to(model->logit_scale.scalar_type());
  return batch;
}

/// What the terms need besides the towers' tensors, for the whole batch.
Features Learner::complete(Features features, const Batch& batch) const {
  features.text_offsets_R1 = batch.texts.offsets_R1;
  features.roles = batch.roles;
  features.scale = model->scale();
  features.bias = model->logit_bias;
  return features;
}

/// Several processes: the columns that all of them compare with, and this one's part in the means.
void Learner::join(Features& features, const Batch& batch) const {
  const int64_t processes = world->size();
  if (processes == 1) return;
  const detail::Range range("gather");
  const auto& rows = batch.rows_of_ranks;
  const auto own = rows.begin() + world->rank();
  const bool side_by_side = needs.other_rows && exchange == FeatureExchange::kGather;
  features.world =
      side_by_side ? gathered(*world, features, needs.other_negatives, rows) : WorldColumns{.ring = ring_of(world, rows)};
  features.world.share =
      static_cast<double>(*own * processes) / static_cast<double>(std::accumulate(rows.begin(), rows.end(), int64_t{0}));
  if (hn_reduction == HnReduction::kRank) {
    features.batch_gradient = 1.0 / static_cast<double>(processes);
    return;
  }
  torch::Tensor kept = features.roles.negatives_BN().ge(0).any(1).sum().to(torch::kFloat32).view({1});
  world->all_reduce(kept)->wait();
  features.rows_with_negatives = kept.clamp_min(1).div(static_cast<double>(processes)).squeeze(0);
}

/// What the processes report are means over them.
void Learner::take_means(Losses& losses) const {
  if (world->size() == 1) return;
  std::vector<torch::Tensor> values = {losses.total.detach().to(torch::kFloat32)};
  for (const auto& [name, value] : losses.terms) values.push_back(value.to(torch::kFloat32));
  torch::Tensor means = torch::stack(values);
  world->all_reduce(means)->wait();
  means /= static_cast<double>(world->size());
  losses.total = means[0];
  for (size_t i = 0; i < losses.terms.size(); ++i) losses.terms[i].second = means[static_cast<int64_t>(i) + 1];
}

/// The objective, and its gradient at the features or, where these have a graph, at the weights.
Losses Learner::losses_of(Features features) {
  Losses losses;
  {
    const detail::Range range("losses");
    losses = evaluate(objective, features);
    features = {};  // what only it holds is given back while the backward pass goes on
  }
  const detail::Range range("backward");
  scaler->scale(losses.total).backward();
  return losses;
}

/// GradCache (Gao et al. 2021): features of all parts without a graph, the losses' gradient at the features, then each part
/// again with a graph that this gradient enters. Exactly the big batch's gradient; activations of one part at a time.
Losses Learner::backward_in_parts(const Batch& batch, uint64_t random) {
  std::vector<Features> parts;
  {
    const torch::NoGradGuard no_graph;
    for (int64_t part = 0; part < accum_freq; ++part) parts.push_back(encode(batch, part, random));
  }
  Features whole = complete(parts[0], batch);
  const auto leaves = made_by_towers(whole);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i]->defined()) continue;
    std::vector<torch::Tensor> rows;
    for (auto& part : parts) rows.push_back(*made_by_towers(part)[i]);
    *leaves[i] = torch::cat(rows).requires_grad_();
  }
  std::array<int64_t, 4> first{};  // row of each tensor that the part at hand begins with
  parts.clear();
  join(whole, batch);
  Losses losses = losses_of(whole);

  for (int64_t part = 0; part < accum_freq; ++part) {
    Features again = encode(batch, part, random);
    std::vector<torch::Tensor> roots, gradients;
    for (size_t i = 0; i < leaves.size(); ++i) {
      const torch::Tensor& root = *made_by_towers(again)[i];
      const int64_t begin = root.defined() ? std::exchange(first[i], first[i] + root.size(0)) : 0;
      // Left out: what was not made, what no term looks at, what a frozen tower made.
      if (!leaves[i]->defined() || !leaves[i]->grad().defined() || !root.requires_grad()) continue;
      roots.push_back(root);
      gradients.push_back(leaves[i]->grad().narrow(0, begin, root.size(0)));
    }
    const detail::Range range("backward");
    if (buckets && part == accum_freq - 1) buckets->arm();
    if (!roots.empty()) torch::autograd::backward(roots, gradients);
  }
  return losses;
}

StepReport Learner::step(Batch batch, double lr, uint64_t random) {
  batch = prepared(std::move(batch));
  buckets ? buckets->zero() : optimizer->zero_grad();
  StepReport report{.losses = {}, .logit_scale = model->logit_scale.detach().clone(), .own_loss = {}, .verdict = {}};
  if (accum_freq == 1) {
    Features features = complete(encode(batch, 0, random), batch);
    join(features, batch);
    if (buckets) buckets->arm();
    report.losses = losses_of(std::move(features));
  } else {
    report.losses = backward_in_parts(batch, random);
  }
  if (buckets) buckets->finish();
  report.own_loss = report.losses.total.detach();
  take_means(report.losses);
  const detail::Range range("optimizer");
  report.verdict = optimizer->step(lr, *scaler);
  if (shards) shards->exchange();
  model->clamp_logit_scale();
  report.losses.total = report.losses.total.detach();
  return report;
}

}  // namespace fsc
