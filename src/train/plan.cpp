// Opens everything, takes one batch and says what the run would be and need.
#include "train/detail_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "fsc/core/log.h"
#include "fsc/model/cost.h"
#include "fsc/model/towers.h"

namespace fsc::detail {
namespace {

/// What the first batch stands for: a step of this config.
StepSize step_size(const RunConfig& config, const ArchConfig& arch, const Batch& batch) {
  const ModelConfig& model = config.model;
  const GradCheckpointing recompute = config.train.grad_checkpointing;
  StepSize step;
  step.images = static_cast<double>(batch.images.size(0));
  step.tokens = static_cast<double>(batch.texts.tokens());
  step.parts = static_cast<double>(config.train.accum_freq);
  step.image.blocks = model.lock_image ? model.lock_image_unlocked_blocks : arch.vision.layers;
  step.text.blocks = model.lock_text ? model.lock_text_unlocked_blocks : arch.text.layers;
  step.image.recomputed = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kImage;
  step.text.recomputed = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kText;
  step.lora = model.lora.is_on();
  step.precision = config.train.precision;
  return step;
}

void print_memory(const RunConfig& config, const ArchConfig& arch, const Batch& batch, const StateBytes& state) {
  const StepSize step = step_size(config, arch, batch);
  const double activations = activation_bytes(arch, step);
  // With accumulation only one part of the batch has activations at a time; all images of the step wait beside it: as float32,
  // and as bytes those of the step, of the next one, and of samples made ahead.
  const double images = static_cast<double>(batch.images.numel());
  const double queue = images * (sizeof(float) + 2 + static_cast<double>(config.data.prefetch) / step.parts);
  spdlog::info("memory, about  {} (weights, gradients, AdamW{} {}; activations {}; batches {})",
               format_bytes(state.memory + activations + queue), state.average > 0 ? ", average" : "", format_bytes(state.memory),
               format_bytes(activations), format_bytes(queue));
}

void print_disk(const OutputConfig& output, const StateBytes& state) {
  const double kept = static_cast<double>(output.keep_last > 0 ? output.keep_last + 1 : 1);
  spdlog::info("disk, about    {} a checkpoint, {} in all{}", format_bytes(state.checkpoint),
               format_bytes(state.checkpoint * kept + state.model_file + state.average),
               output.keep_last > 0 ? "" : " and one more for each further checkpoint");
  std::filesystem::path folder = std::filesystem::absolute(output.dir);
  while (!std::filesystem::exists(folder)) folder = folder.parent_path();
  const auto free = static_cast<double>(std::filesystem::space(folder).available);
  if (free < state.checkpoint * kept) spdlog::warn("only {} are free on the disk", format_bytes(free));
}

/// "16 on 2 hosts: 0 on node01 (cuda:0), 1 on node01 (cuda:1) ...".
std::string ranks_text(World& world, const std::string& device) {
  constexpr size_t kNamed = 8;
  const auto devices = world.channel().all_gather(device);
  std::set<std::string> hosts(world.hosts().begin(), world.hosts().end());
  std::vector<std::string> ranks;
  for (size_t rank = 0; rank < std::min(devices.size(), kNamed); ++rank)
    ranks.push_back(fmt::format("{} on {} ({})", rank, world.hosts()[rank], devices[rank]));
  return fmt::format("{} on {} host{}: {}{}", devices.size(), hosts.size(), hosts.size() == 1 ? "" : "s", fmt::join(ranks, ", "),
                     devices.size() > kNamed ? " ..." : "");
}

/// What a rank and the others exchange in a step, by the volumes of ring algorithms.
void print_ranks(const RunConfig& config, const Session& session, const Batch& batch) {
  World& world = session.world();
  if (world.size() == 1) return;
  const Learner& learner = session.learner;
  spdlog::info("ranks          {}", ranks_text(world, learner.device.str()));
  const double ranks = static_cast<double>(world.size()), others = (ranks - 1) / ranks;
  const double images = static_cast<double>(config.train.samples_per_step());
  const auto width = learner.model->arch().embed_dim, negatives = batch.roles.negatives_BN().size(1);
  const bool both = learner.needs.other_rows, ring = !both || learner.exchange == FeatureExchange::kRing;
  const int64_t numbers = (both ? 2 : 1) * width + (learner.needs.other_negatives ? negatives * (width + 1) : 0);
  const double rows = images * sizeof(float) * static_cast<double>(numbers);
  spdlog::info(
      "features       {:g} of {} images a rank and step; it gets {} of the others' features {} and gives back {} of gradient",
      images / ranks, config.train.samples_per_step(), format_bytes((ring && both ? 2 : 1) * others * rows),
      ring ? "by the ring" : "side by side", format_bytes((ring ? 1 : others) * rows));
  const double buckets = static_cast<double>(learner.buckets->bytes());
  const double sent = others * buckets * (config.distributed.reduce_in_bf16 ? 0.5 : 1);
  spdlog::info("gradients      {} in buckets of {:g} MB; a rank sends about {} a step to reduce them{}", format_bytes(buckets),
               config.distributed.bucket_mb, format_bytes(config.distributed.shard_optimizer ? sent : 2 * sent),
               config.distributed.shard_optimizer
                   ? fmt::format(" and {} of updated weights (distributed.shard_optimizer)", format_bytes(others * buckets))
                   : "");
}

}  // namespace

void print_plan(const RunConfig& config, Session& session) {
  const ClipModelImpl& model = *session.learner.model;
  const ArchConfig& arch = model.arch();
  Loader& loader = *session.loader;
  loader.start();
  const Batch batch = loader.next();
  const int64_t parameters = model.parameter_count(), trained = trained_parameter_count(model);
  spdlog::info("model          {}, {:.1f} M parameters, {:.2f} M trained, {} px, {}", arch.name,
               static_cast<double>(parameters) / 1e6, static_cast<double>(trained) / 1e6, arch.vision.image_size,
               arch.quick_gelu ? "QuickGELU" : "GELU");
  spdlog::info("data           {} samples, {} negatives a caption, from {}", loader.samples(), loader.negatives_per_caption(),
               config.data.name());
  spdlog::info("first batch    {} images, {} texts of up to {} tokens, first sample {}", batch.images.size(0), batch.texts.size(),
               batch.texts.sequences.longest, batch.keys[0]);
  spdlog::info("steps          {} in all, {} an epoch", session.total_steps, loader.batches_per_epoch());
  print_ranks(config, session, batch);
  const int64_t sharing = config.distributed.shard_optimizer ? session.world().size() : 1;
  const StateBytes state = state_bytes(parameters, trained, session.lora.has_value(), session.average != nullptr, sharing);
  print_memory(config, arch, batch, state);
  print_disk(config.output, state);
}

}  // namespace fsc::detail
