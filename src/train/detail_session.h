// What a run is made of, built in one place for training and for --dry-run.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "fsc/data/loader.h"
#include "fsc/optim/ema.h"
#include "fsc/train/trainer.h"
#include "fsc/weights/lora_folder.h"
#include "train/detail_feed.h"

namespace fsc::detail {

/// The inputs and the learner of a run.
struct Session {
  ModelIdentity identity;
  std::shared_ptr<const Tokenizer> tokenizer;
  int64_t base_context_length = 0;  ///< of model.pretrained, before model.force_context_length; 0 = random weights
  std::unique_ptr<Loader> loader;
  std::optional<LoraOrigin> lora;  ///< with LoRA: the frozen model
  Learner learner;
  std::unique_ptr<Feed> feed;              ///< of the loader's batches
  std::unique_ptr<WeightAverage> average;  ///< with train.ema_decay
  int64_t total_steps = 0;

  World& world() const { return *learner.world; }

  /// The model as it is written: whole, or LoRA's part of it.
  ModelToSave to_save(const Provenance& provenance = {}) const {
    ModelToSave saved{identity, &*learner.model, lora};
    saved.provenance = provenance;
    return saved;
  }
};

/// The same as open_session finds, without reading weights; where model.arch names the architecture they need not be there.
ModelIdentity model_identity(const RunConfig& config);

/// The loader's set-up for a model; `tokenizer`, which is the model's, must outlive the loader.
LoaderSetup loader_setup(const RunConfig& config, const ModelIdentity& identity, const Tokenizer& tokenizer,
                         const std::filesystem::path& bad_samples_file);

/// The device of train.device. Of several processes on a machine each has its own CUDA device, by its local rank. Errors as
/// open_device.
torch::Device device_of(const TrainConfig& train, const Layout& layout);
/// The same, told in the log with its kernels, train.tf32 set. Errors as check_precision, too.
torch::Device choose_device(const TrainConfig& train, const Layout& layout = {});

/// Opens the data and the weights, builds model and optimizer, on every rank of `world`. `bad_samples_file` may be empty. A run
/// that goes on from `checkpoint` gets its weights by restore_weights; of the model only the architecture is read here, with LoRA
/// its base too. Error names what is wrong.
Session open_session(const RunConfig& config, std::shared_ptr<World> world, torch::Device device,
                     const std::filesystem::path& bad_samples_file, const std::filesystem::path& checkpoint = {});

}  // namespace fsc::detail
