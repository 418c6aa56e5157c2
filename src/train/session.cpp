// From config to the parts of a run.
#include <ATen/Context.h>
#include <spdlog/spdlog.h>

#include "detail_session.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/data/collate.h"
#include "fsc/model/context_length.h"
#include "fsc/model/towers.h"
#include "fsc/weights/model_folder.h"
#include "fsc/weights/state_hash.h"

namespace fsc {
namespace {

/// Image size and context length that the config asks for in place of the architecture's.
void force_sizes(const ModelConfig& wanted, ArchConfig& arch) {
  if (wanted.force_image_size > 0) arch.vision.image_size = wanted.force_image_size;
  if (wanted.force_context_length > 0) arch.text.context_length = wanted.force_context_length;
  if (arch.vision.image_size % arch.vision.patch_size != 0)
    throw UsageError("model.force_image_size: " + std::to_string(arch.vision.image_size) +
                     " is not a multiple of the patch size " + std::to_string(arch.vision.patch_size));
}

/// Architecture, weights and preprocessing as the config asks for.
void build_model(const RunConfig& config, Session& session) {
  const ModelConfig& wanted = config.model;
  LoadedModel loaded;
  if (!wanted.pretrained.empty()) loaded = load_model(wanted.pretrained, wanted.arch);
  session.tokenizer_file = wanted.tokenizer.empty() ? loaded.tokenizer : std::filesystem::path(wanted.tokenizer);
  ArchConfig arch = loaded.model.is_empty() ? ArchConfig::load(wanted.arch) : loaded.model->arch();
  const ArchConfig recorded = arch;
  force_sizes(wanted, arch);
  session.preprocess = loaded.model.is_empty() ? default_preprocess(arch) : loaded.preprocess;
  session.preprocess.size = arch.vision.image_size;

  if (loaded.model.is_empty()) {
    loaded.model = ClipModel(arch);
    loaded.model->initialize(static_cast<uint64_t>(config.train.seed));
    spdlog::info("model {}: random weights", arch.name);
  } else {
    session.base_context_length = recorded.text.context_length;
    if (!(arch == recorded)) {
      ClipModel resized(arch);
      std::vector<std::string> notes;
      const StateDict state = with_context_length(state_dict(*loaded.model), arch.text.context_length, notes);
      for (const auto& note : load_state(*resized, state, wanted.pretrained)) notes.push_back(note);
      for (const auto& note : notes) spdlog::info("{}", note);
      loaded.model = resized;
    }
    spdlog::info("model {}: weights from {}", arch.name, wanted.pretrained);
  }
  session.learner.model = loaded.model;
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
    const Place place = place_of(name, arch);
    if (place.tower == Tower::kNone) return {};
    const TowerOptimConfig& tower = place.tower == Tower::kImage ? config.optim.image : config.optim.text;
    return {tower.lr_factor(place.layer, place.blocks), tower.weight_decay_scale};
  };
  learner.optimizer = std::make_unique<AdamW>(parameters, config.optim, scale_of);
  learner.scaler = std::make_unique<GradScaler>(config.train.precision == Precision::kAmp, learner.device);
  if (config.train.ema_decay > 0) session.average = std::make_unique<WeightAverage>(parameters, config.train.ema_decay);
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

ModelInputs model_inputs(const RunConfig& config) {
  const ModelConfig& wanted = config.model;
  const bool named = !wanted.arch.empty();
  ModelSource source;
  if (!wanted.pretrained.empty() && (!named || std::filesystem::exists(wanted.pretrained))) {
    source = find_model(wanted.pretrained, wanted.arch);
  } else {
    source.arch = ArchConfig::load(wanted.arch);
    source.preprocess = default_preprocess(source.arch);
  }
  force_sizes(wanted, source.arch);
  source.preprocess.size = source.arch.vision.image_size;
  return {source.arch, source.preprocess,
          load_tokenizer(source.arch, wanted.tokenizer.empty() ? source.tokenizer : std::filesystem::path(wanted.tokenizer))};
}

LoaderSetup loader_setup(const RunConfig& config, const ModelInputs& inputs, const std::filesystem::path& bad_samples_file) {
  LoaderSetup setup;
  setup.data = config.data;
  setup.negatives = config.negatives;
  setup.preprocess = inputs.preprocess;
  setup.tokenizer = inputs.tokenizer.get();
  setup.context_length = inputs.arch.text.context_length;
  setup.batch_size = config.train.batch_size;
  setup.accum_freq = config.train.accum_freq;
  setup.seed = static_cast<uint64_t>(config.train.seed);
  setup.bad_samples_file = bad_samples_file;
  return setup;
}

torch::Device choose_device(const TrainConfig& train) {
  const torch::Device device = open_device(train.device, "train.device");
  check_precision(train.precision, device, "train.precision");
  at::globalContext().setAllowTF32CuBLAS(device.is_cuda() && train.tf32);
  at::globalContext().setAllowTF32CuDNN(device.is_cuda() && train.tf32);
  spdlog::info("device {}{}", device_text(device, train.device), device.is_cuda() && train.tf32 ? ", TF32" : "");
  return device;
}

Session open_session(const RunConfig& config, torch::Device device, const std::filesystem::path& bad_samples_file) {
  Session session;
  Learner& learner = session.learner;
  learner.device = device;
  learner.precision = config.train.precision;
  learner.accum_freq = config.train.accum_freq;
  build_model(config, session);
  choose_trained(config, session);
  const ArchConfig& arch = learner.model->arch();
  learner.objective = make_objective(config.loss);
  if (config.negatives.source == NegativeSource::kNone)  // such terms would be 0 at full cost
    std::erase_if(learner.objective, [](const Term& term) { return term.needs.negatives; });
  learner.needs_tokens = needs_of(learner.objective).tokens;
  check_loss_fits(needs_of(learner.objective), arch);
  session.tokenizer = load_tokenizer(arch, session.tokenizer_file);
  session.loader =
      std::make_unique<Loader>(loader_setup(config, {arch, session.preprocess, session.tokenizer}, bad_samples_file));
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

void print_plan(const RunConfig& config, Session& session) {
  const ClipModelImpl& model = *session.learner.model;
  const ArchConfig& arch = model.arch();
  Loader& loader = *session.loader;
  loader.start();
  const Batch batch = loader.next();
  const double B = static_cast<double>(batch.images.size(0)), R = static_cast<double>(batch.texts.ids_RT.size(0));
  const double T = static_cast<double>(batch.texts.ids_RT.size(1));
  const double parameters = static_cast<double>(model.parameter_count()),
               trained = static_cast<double>(trained_parameter_count(model));
  const double vision_tokens = B * static_cast<double>(arch.vision.grid() * arch.vision.grid() + 1);
  // A block keeps about 16 vectors of its width a token for the backward pass: norms, q k v, attention, and the 4x wide MLP
  // twice. LoRA keeps the layers' inputs only, a locked block nothing.
  const double kept = config.model.lora.is_on() ? 10.0 : 16.0;
  const auto blocks = [](bool locked, int64_t unlocked, int64_t all) { return static_cast<double>(locked ? unlocked : all); };
  const double image_blocks = blocks(config.model.lock_image, config.model.lock_image_unlocked_blocks, arch.vision.layers);
  const double text_blocks = blocks(config.model.lock_text, config.model.lock_text_unlocked_blocks, arch.text.layers);
  const GradCheckpointing recompute = config.train.grad_checkpointing;
  const double image_kept = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kImage ? 1.0 : kept;
  const double text_kept = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kText ? 1.0 : kept;
  const double bytes = config.train.precision == Precision::kFp32 ? 4.0 : 2.5;
  // With accumulation only one part of the batch has activations at a time; all images of the step wait beside it.
  const double parts = static_cast<double>(config.train.accum_freq);
  const double activations = bytes / parts *
                             (image_kept * vision_tokens * static_cast<double>(arch.vision.width) * image_blocks +
                              text_kept * R * T * static_cast<double>(arch.text.width) * text_blocks);
  const double queue = 4.0 * static_cast<double>(batch.images.numel()) * (1 + static_cast<double>(config.data.prefetch) / parts);
  const double average = session.average ? 4.0 * trained : 0.0;
  const double state = 4.0 * parameters + 12.0 * trained + average;
  const double model_file = 4.0 * (session.lora ? trained : parameters), checkpoint = model_file + 8.0 * trained + average;
  const double kept_checkpoints = config.output.keep_last > 0 ? static_cast<double>(config.output.keep_last + 1) : 1.0;
  spdlog::info("model          {}, {:.1f} M parameters, {:.2f} M trained, {} px, {}", arch.name, parameters / 1e6, trained / 1e6,
               arch.vision.image_size, arch.quick_gelu ? "QuickGELU" : "GELU");
  spdlog::info("data           {} samples, {} negatives a caption, from {}", loader.samples(), loader.negatives_per_caption(),
               config.data.name());
  spdlog::info("first batch    {} images, {} texts of up to {} tokens, first sample {}", batch.images.size(0),
               batch.texts.ids_RT.size(0), batch.texts.ids_RT.size(1), batch.keys[0]);
  spdlog::info("steps          {} in all, {} an epoch", session.total_steps, loader.batches_per_epoch());
  spdlog::info("memory, about  {} (weights, gradients, AdamW{} {}; activations {}; batches ahead {})",
               format_bytes(state + activations + queue), session.average ? ", average" : "", format_bytes(state),
               format_bytes(activations), format_bytes(queue));
  spdlog::info("disk, about    {} a checkpoint, {} in all{}", format_bytes(checkpoint),
               format_bytes(checkpoint * kept_checkpoints + model_file + average),
               config.output.keep_last > 0 ? "" : " and one more for each further checkpoint");
  std::filesystem::path place = std::filesystem::absolute(config.output.dir);
  while (!std::filesystem::exists(place)) place = place.parent_path();
  const auto free = std::filesystem::space(place);
  if (static_cast<double>(free.available) < checkpoint * kept_checkpoints)
    spdlog::warn("only {} are free on the disk", format_bytes(static_cast<double>(free.available)));
}

}  // namespace fsc
