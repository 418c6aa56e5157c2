// From config to the parts of a run.
#include <spdlog/spdlog.h>
#include <torch/cuda.h>

#include "detail_session.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/data/collate.h"
#include "fsc/weights/model_folder.h"

namespace fsc {
namespace {

torch::Device resolve_device(const TrainConfig& train) {
  const bool cuda = torch::cuda::is_available();
  if (train.device == Device::kCuda && !cuda) throw Error("train.device is cuda, but this machine or this build has no CUDA; use cpu, or build the cuda preset");
  const torch::Device device = cuda && train.device != Device::kCpu ? torch::Device(torch::kCUDA) : torch::Device(torch::kCPU);
  if (train.precision == Precision::kAmp && !device.is_cuda())
    throw UsageError("train.precision: amp (fp16 with loss scaling) needs CUDA; on the CPU use amp_bf16 or fp32");
  return device;
}

/// Architecture, weights and preprocessing as the config asks for.
void build_model(const RunConfig& config, Session& session) {
  const ModelConfig& wanted = config.model;
  LoadedModel loaded;
  if (!wanted.pretrained.empty()) loaded = load_model(wanted.pretrained, wanted.arch);
  session.tokenizer_file = loaded.tokenizer;
  ArchConfig arch = loaded.model.is_empty() ? ArchConfig::load(wanted.arch) : loaded.model->arch();
  const ArchConfig recorded = arch;
  if (wanted.force_image_size > 0) arch.vision.image_size = wanted.force_image_size;
  if (wanted.force_context_length > 0) arch.text.context_length = wanted.force_context_length;
  if (arch.vision.image_size % arch.vision.patch_size != 0)
    throw UsageError("model.force_image_size: " + std::to_string(arch.vision.image_size) + " is not a multiple of the patch size " + std::to_string(arch.vision.patch_size));
  session.preprocess = loaded.model.is_empty() ? default_preprocess(arch) : loaded.preprocess;
  session.preprocess.size = arch.vision.image_size;

  if (loaded.model.is_empty()) {
    loaded.model = ClipModel(arch);
    loaded.model->initialize(static_cast<uint64_t>(config.train.seed));
    spdlog::info("model {}: random weights", arch.name);
  } else {
    if (!(arch == recorded)) {
      ClipModel resized(arch);
      for (const auto& note : load_state(*resized, state_dict(*loaded.model), wanted.pretrained)) spdlog::info("{}", note);
      loaded.model = resized;
    }
    spdlog::info("model {}: weights from {}", arch.name, wanted.pretrained);
  }
  session.learner.model = loaded.model;
}

}  // namespace

Session open_session(const RunConfig& config, const std::filesystem::path& bad_samples_file) {
  Session session;
  Learner& learner = session.learner;
  learner.device = resolve_device(config.train);
  learner.precision = config.train.precision;
  learner.accum_freq = config.train.accum_freq;
  build_model(config, session);
  const ArchConfig& arch = learner.model->arch();
  session.tokenizer = load_tokenizer(arch, session.tokenizer_file);

  LoaderSetup setup;
  setup.data = config.data;
  setup.negatives = config.negatives;
  setup.preprocess = session.preprocess;
  setup.tokenizer = session.tokenizer.get();
  setup.context_length = arch.text.context_length;
  setup.batch_size = config.train.batch_size;
  setup.accum_freq = config.train.accum_freq;
  setup.seed = static_cast<uint64_t>(config.train.seed);
  setup.bad_samples_file = bad_samples_file;
  session.loader = std::make_unique<Loader>(setup);
  session.total_steps = config.train.epochs * session.loader->batches_per_epoch();
  if (config.train.max_steps > 0) session.total_steps = std::min(session.total_steps, config.train.max_steps);

  learner.model->to(learner.device, config.train.precision == Precision::kBf16 ? torch::kBFloat16 : torch::kFloat32);
  const GradCheckpointing recompute = config.train.grad_checkpointing;
  learner.model->set_grad_checkpointing(recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kImage,
                                        recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kText);
  learner.model->train();
  learner.objective = make_objective(config.loss);
  learner.needs_tokens = config.loss.needs_tokens();
  NamedParameters parameters;
  for (const auto& item : learner.model->named_parameters()) parameters.emplace_back(item.key(), item.value());
  learner.optimizer = std::make_unique<AdamW>(parameters, config.optim);
  learner.scaler = std::make_unique<GradScaler>(config.train.precision == Precision::kAmp, learner.device);
  return session;
}

void print_plan(const RunConfig& config, Session& session) {
  const ClipModelImpl& model = *session.learner.model;
  const ArchConfig& arch = model.arch();
  Loader& loader = *session.loader;
  loader.start_epoch(0);
  const Batch batch = loader.next();
  const double B = static_cast<double>(batch.images.size(0)), R = static_cast<double>(batch.text_ids.size(0));
  const double T = static_cast<double>(batch.text_ids.size(1));
  const double parameters = static_cast<double>(model.parameter_count());
  const double vision_tokens = B * static_cast<double>(arch.vision.grid() * arch.vision.grid() + 1);
  // A block keeps about 16 vectors of its width a token for the backward pass: norms, q k v, attention, and the 4x wide MLP twice.
  const GradCheckpointing recompute = config.train.grad_checkpointing;
  const double image_kept = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kImage ? 1.0 : 16.0;
  const double text_kept = recompute == GradCheckpointing::kBoth || recompute == GradCheckpointing::kText ? 1.0 : 16.0;
  const double bytes = config.train.precision == Precision::kFp32 ? 4.0 : 2.5;
  // With accumulation only one part of the batch has activations at a time; all images of the step wait beside it.
  const double parts = static_cast<double>(config.train.accum_freq);
  const double activations = bytes / parts * (image_kept * vision_tokens * static_cast<double>(arch.vision.width * arch.vision.layers) +
                                              text_kept * R * T * static_cast<double>(arch.text.width * arch.text.layers));
  const double queue = 4.0 * static_cast<double>(batch.images.numel()) * (1 + static_cast<double>(config.data.prefetch) / parts);
  const double checkpoint = 12.0 * parameters;
  const double kept_checkpoints = config.output.keep_last > 0 ? static_cast<double>(config.output.keep_last + 1) : 1.0;
  spdlog::info("model          {}, {:.1f} M parameters, {} px, {}", arch.name, parameters / 1e6, arch.vision.image_size, arch.quick_gelu ? "QuickGELU" : "GELU");
  spdlog::info("data           {} samples, {} negatives a caption, table {}", loader.samples(), loader.negatives_per_caption(), config.data.train.path);
  spdlog::info("first batch    {} images, {} texts of up to {} tokens, first sample {}", batch.images.size(0), batch.text_ids.size(0), batch.text_ids.size(1), batch.keys[0]);
  spdlog::info("steps          {} in all, {} an epoch", session.total_steps, loader.batches_per_epoch());
  spdlog::info("memory, about  {} (weights, gradients, AdamW {}; activations {}; batches ahead {})",
               format_bytes(16 * parameters + activations + queue), format_bytes(16 * parameters), format_bytes(activations), format_bytes(queue));
  spdlog::info("disk, about    {} a checkpoint, {} in all{}", format_bytes(checkpoint), format_bytes(checkpoint * kept_checkpoints + 4 * parameters),
               config.output.keep_last > 0 ? "" : " and one more for each further checkpoint");
  std::filesystem::path place = std::filesystem::absolute(config.output.dir);
  while (!std::filesystem::exists(place)) place = place.parent_path();
  const auto free = std::filesystem::space(place);
  if (static_cast<double>(free.available) < checkpoint * kept_checkpoints) spdlog::warn("only {} are free on the disk", format_bytes(static_cast<double>(free.available)));
}

}  // namespace fsc
