// From config to the parts of a run.
#include <ATen/Context.h>
#include <spdlog/spdlog.h>

#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/model/context_length.h"
#include "fsc/model/towers.h"
#include "fsc/weights/model_folder.h"
#include "fsc/weights/state_hash.h"
#include "train/detail_optimizer_shards.h"
#include "train/detail_session.h"

namespace fsc::detail {
namespace {

/// `found` with the tokenizer, image size and context length that the config asks for in their place.
ModelIdentity as_wanted(const ModelConfig& wanted, ModelIdentity found) {
  ArchConfig& arch = found.arch;
  if (!wanted.tokenizer.empty()) found.tokenizer = wanted.tokenizer;
  if (wanted.force_image_size > 0) arch.vision.image_size = wanted.force_image_size;
  if (wanted.force_context_length > 0) arch.text.context_length = wanted.force_context_length;
  if (arch.vision.image_size % arch.vision.patch_size != 0)
    throw UsageError("model.force_image_size: " + std::to_string(arch.vision.image_size) +
                     " is not a multiple of the patch size " + std::to_string(arch.vision.patch_size));
  found.preprocess.size = arch.vision.image_size;
  return found;
}

ModelIdentity named_identity(const ModelConfig& wanted) {
  ArchConfig arch = ArchConfig::load(wanted.arch);
  Preprocess preprocess = default_preprocess(arch);
  return as_wanted(wanted, {std::move(arch), std::move(preprocess)});
}

/// The weights of `loaded` in a model of the sizes of `arch`.
ClipModel resized(const LoadedModel& loaded, const ArchConfig& arch, const std::string& source) {
  if (arch == loaded.arch) return loaded.model;
  ClipModel model(arch);
  std::vector<std::string> notes;
  const StateDict state = with_context_length(state_dict(*loaded.model), arch.text.context_length, notes);
  for (const auto& note : load_state(*model, state, source)) notes.push_back(note);
  for (const auto& note : notes) spdlog::info("{}", note);
  return model;
}

/// The model that the config begins from.
void build_model(const RunConfig& config, Session& session) {
  const ModelConfig& wanted = config.model;
  if (wanted.pretrained.empty()) {
    session.identity = named_identity(wanted);
    session.learner.model = ClipModel(session.identity.arch);
    session.learner.model->initialize(static_cast<uint64_t>(config.train.seed));
    spdlog::info("model {}: random weights", session.identity.arch.name);
    return;
  }
  const LoadedModel loaded = load_model(wanted.pretrained, wanted.arch);
  session.identity = as_wanted(wanted, loaded);
  session.base_context_length = loaded.arch.text.context_length;
  session.learner.model = resized(loaded, session.identity.arch, wanted.pretrained);
  spdlog::info("model {}: weights from {}", session.identity.arch.name, wanted.pretrained);
}

/// A checkpoint's model but for its values, which restore_weights brings; what the run began from need not be there any more.
void build_model_of(const std::filesystem::path& checkpoint, const ModelConfig& wanted, Session& session) {
  // A resized model's sizes are the forced ones, which model.arch contradicts.
  const bool resized = wanted.force_image_size > 0 || wanted.force_context_length > 0;
  const ModelSource source = find_model(checkpoint, resized ? "" : wanted.arch);
  const UninitializedWeights all_are_restored;
  session.learner.model = ClipModel(source.arch);
  session.identity = source;
  if (!wanted.tokenizer.empty()) session.identity.tokenizer = wanted.tokenizer;
  spdlog::info("model {}: weights from {}", source.arch.name, checkpoint.string());
}

/// Freezes what is locked and adds LoRA to the rest.
void choose_trained(const RunConfig& config, Session& session) {
  const ModelConfig& wanted = config.model;
  ClipModelImpl& model = *session.learner.model;
  if (wanted.lock_image) lock_tower(model, Tower::kImage, wanted.lock_image_unlocked_blocks);
  if (wanted.lock_text) lock_tower(model, Tower::kText, wanted.lock_text_unlocked_blocks);
  const auto seed = static_cast<uint64_t>(config.train.seed);
  if (wanted.lora.is_on()) {
    session.lora =
        LoraOrigin{wanted.pretrained, seed, state_hash(state_dict(model)), wanted.lora.targets, session.base_context_length};
    add_lora(model, wanted.lora, seed);
    session.learner.has_dropout = wanted.lora.dropout > 0;
  }
  const auto trained = trained_parameter_count(model);
  if (trained < model.parameter_count())
    spdlog::info("trained: {:.2f} M parameters of {:.2f} M{}", static_cast<double>(trained) / 1e6,
                 static_cast<double>(model.parameter_count()) / 1e6,
                 wanted.lora.is_on() ? fmt::format(", LoRA of rank {}", wanted.lora.rank) : "");
}

/// The optimizer and, if wanted, the average of what is trained.
void make_optimizer(const RunConfig& config, Session& session) {
  Learner& learner = session.learner;
  const ArchConfig& arch = learner.model->arch();
  NamedParameters parameters;
  for (const auto& item : learner.model->named_parameters())
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  const auto scale_of = [&](const std::string& name) -> ParameterScale {
    const TowerLayer at = layer_of(name, arch);
    if (at.tower == Tower::kNone) return {};
    const TowerOptimConfig& tower = at.tower == Tower::kImage ? config.optim.image : config.optim.text;
    return {tower.lr_factor(at.layer, at.blocks), tower.weight_decay_scale};
  };
  Sharing sharing;
  if (learner.world->size() > 1) {
    std::vector<torch::Tensor> trained;
    for (const auto& [name, parameter] : parameters) trained.push_back(parameter);
    learner.buckets = std::make_unique<GradientBuckets>(learner.world, trained, config.distributed);
    if (config.distributed.shard_optimizer) {
      learner.shards = std::make_shared<OptimizerShards>(learner.world, parameters, learner.buckets->layout());
      sharing = learner.shards->sharing();
    }
  }
  learner.optimizer = std::make_unique<AdamW>(parameters, config.optim, scale_of, std::move(sharing));
  if (learner.shards)
    spdlog::info("optimizer: {} of state on this rank, shared by {}",
                 format_bytes(static_cast<double>(learner.optimizer->state_bytes())), learner.world->size());
  learner.scaler = std::make_unique<GradScaler>(config.train.precision == Precision::kAmp, learner.device);
  if (config.train.ema_decay > 0) session.average = std::make_unique<WeightAverage>(parameters, config.train.ema_decay);
}

/// The terms that the run has: those that need negatives would be 0 at full cost where there are none.
std::vector<Term> objective_of(const RunConfig& config) {
  std::vector<Term> objective = make_objective(config.loss);
  if (config.negatives.source == NegativeSource::kNone)
    std::erase_if(objective, [](const Term& term) { return term.needs.negatives; });
  return objective;
}

void check_loss_fits(const Needs& needs, const ArchConfig& arch) {
  if (needs.bias && !arch.init_logit_bias)
    throw UsageError(
        "loss.name: siglip needs a model with a logit_bias, and " + arch.name +
        " has none; take a SigLIP architecture, or one's own JSON with \"init_logit_bias\": -10, or loss.name fsc or clip");
  if (arch.init_logit_bias && !needs.bias)
    spdlog::info("the model's logit_bias stays as it is: it cancels in the softmax of this loss (loss.name: siglip trains it)");
}

}  // namespace

ModelIdentity model_identity(const RunConfig& config) {
  const ModelConfig& wanted = config.model;
  const bool named = !wanted.arch.empty();
  if (wanted.pretrained.empty() || (named && !std::filesystem::exists(wanted.pretrained))) return named_identity(wanted);
  return as_wanted(wanted, find_model(wanted.pretrained, wanted.arch));
}

LoaderSetup loader_setup(const RunConfig& config, const ModelIdentity& identity, const Tokenizer& tokenizer,
                         const std::filesystem::path& bad_samples_file) {
  LoaderSetup setup;
  setup.data = config.data;
  setup.negatives = config.negatives;
  setup.preprocess = identity.preprocess;
  setup.tokenizer = &tokenizer;
  setup.context_length = identity.arch.text.context_length;
  setup.batch_size = config.train.batch_size;
  setup.accum_freq = config.train.accum_freq;
  setup.seed = static_cast<uint64_t>(config.train.seed);
  setup.groups = needs_of(objective_of(config)).groups;
  setup.bad_samples_file = bad_samples_file;
  return setup;
}

torch::Device device_of(const TrainConfig& train, const Layout& layout) {
  return open_device(train.device, "train.device", layout.local_rank, layout.local_size);
}

torch::Device choose_device(const TrainConfig& train, const Layout& layout) {
  const torch::Device device = device_of(train, layout);
  check_precision(train.precision, device, "train.precision");
  at::globalContext().setAllowTF32CuBLAS(device.is_cuda() && train.tf32);
  at::globalContext().setAllowTF32CuDNN(device.is_cuda() && train.tf32);
  spdlog::info("device {}{}", device_text(device, train.device), device.is_cuda() && train.tf32 ? ", TF32" : "");
  const bool fused = train.kernels != Kernels::kReference;
  spdlog::info("kernels {}", !fused ? "reference" : "fused, " + (device.is_cpu() ? cpu_instruction_set() : "CUDA"));
  return device;
}

Session open_session(const RunConfig& config, std::shared_ptr<World> world, torch::Device device,
                     const std::filesystem::path& bad_samples_file, const std::filesystem::path& checkpoint) {
  Session session;
  Learner& learner = session.learner;
  learner.world = std::move(world);
  learner.hn_reduction = config.loss.hn_reduction;
  learner.exchange = config.distributed.features;
  learner.device = device;
  learner.precision = config.train.precision;
  learner.accum_freq = config.train.accum_freq;
  if (checkpoint.empty() || config.model.lora.is_on())
    build_model(config, session);  // LoRA's part is restored into the model that it was trained on
  else
    build_model_of(checkpoint, config.model, session);
  learner.preprocess = session.identity.preprocess;
  choose_trained(config, session);
  const ArchConfig& arch = learner.model->arch();
  learner.objective = objective_of(config);
  learner.needs = needs_of(learner.objective);
  check_loss_fits(learner.needs, arch);
  session.tokenizer = load_tokenizer(arch, session.identity.tokenizer);
  LoaderSetup setup = loader_setup(config, session.identity, *session.tokenizer, bad_samples_file);
  if (learner.world->size() > 1) {
    setup.rank = learner.world->rank();
    setup.world = learner.world->size();
    const std::shared_ptr<Channel> channel = learner.world->open_channel("data");
    setup.exchange = [channel](const std::string& words) { return channel->all_gather(words); };
  }
  session.loader = std::make_unique<Loader>(std::move(setup));
  session.feed = std::make_unique<Feed>(*session.loader, device, config.train.accum_freq);
  session.total_steps = config.train.epochs * session.loader->batches_per_epoch();
  if (config.train.max_steps > 0) session.total_steps = std::min(session.total_steps, config.train.max_steps);

  learner.model->to(learner.device, config.train.precision == Precision::kBf16 ? torch::kBFloat16 : torch::kFloat32);
  const GradCheckpointing recompute = config.train.grad_checkpointing;
  learner.model->set_grad_checkpointing(recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kImage,
                                        recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kText);
  learner.model->train();
  make_optimizer(config, session);
  return session;
}

}  // namespace fsc::detail
