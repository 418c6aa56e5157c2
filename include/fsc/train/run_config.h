// The config of fsc-train: every area's options in one struct.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/config/config.h"
#include "fsc/data/data_config.h"
#include "fsc/dist/layout.h"
#include "fsc/kernels/kernels.h"
#include "fsc/losses/objective.h"
#include "fsc/model/device.h"
#include "fsc/model/lora.h"
#include "fsc/negatives/negatives.h"
#include "fsc/optim/optimizer.h"
#include "fsc/slurm/submit.h"
#include "fsc/tensor/autocast.h"
#include "fsc/train/guard.h"

namespace fsc {

/// The towers whose blocks are recomputed in the backward pass.
enum class GradCheckpointing { kOff, kBoth, kImage, kText };

struct ModelConfig {
  std::string arch;
  std::string pretrained;
  std::string tokenizer;
  int64_t force_image_size = 0;
  int64_t force_context_length = 0;
  LoraConfig lora;
  bool lock_image = false;
  bool lock_text = false;
  int64_t lock_image_unlocked_blocks = 0;
  int64_t lock_text_unlocked_blocks = 0;

  void fields(config::Collector& v);
};

struct TrainConfig {
  int64_t epochs = 5;
  int64_t max_steps = 0;
  int64_t batch_size = 256;
  int64_t accum_freq = 1;
  Precision precision = Precision::kFp32;
  std::string device = "auto";
  bool tf32 = true;
  int64_t seed = 0;
  GradCheckpointing grad_checkpointing = GradCheckpointing::kOff;
  double ema_decay = 0.0;
  bool deterministic = false;
  Kernels kernels = Kernels::kFused;
  int64_t verify_kernels = 0;

  void fields(config::Collector& v);
  int64_t samples_per_step() const { return batch_size * accum_freq; }
};

struct OutputConfig {
  std::string dir = "runs/train";
  int64_t log_every_steps = 10;
  int64_t save_every_steps = 0;
  int64_t save_every_epochs = 1;
  int64_t keep_last = 2;
  bool tensorboard = true;

  void fields(config::Collector& v);
};

struct RunConfig {
  ModelConfig model;
  DataConfig data;
  NegativesConfig negatives;
  LossConfig loss;
  OptimConfig optim;
  TrainConfig train;
  OutputConfig output;
  GuardConfig guard;
  DistributedConfig distributed;
  SlurmConfig slurm;

  void fields(config::Collector& v);
  void validate(config::Problems& problems) const;
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::GradCheckpointing> {
  static constexpr const char* names[] = {"false", "true", "image", "text"};
};
