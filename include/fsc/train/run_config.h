// The config of fsc-train: every area's options in one struct.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/config/config.h"
#include "fsc/data/data_config.h"
#include "fsc/losses/objective.h"
#include "fsc/model/device.h"
#include "fsc/model/lora.h"
#include "fsc/model/precision.h"
#include "fsc/negatives/negatives.h"
#include "fsc/optim/optimizer.h"
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

  template <class V>
  void fields(V& v);
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

  template <class V>
  void fields(V& v);
  int64_t samples_per_step() const { return batch_size * accum_freq; }
};

struct OutputConfig {
  std::string dir = "runs/train";
  int64_t log_every_steps = 10;
  int64_t save_every_steps = 0;
  int64_t save_every_epochs = 1;
  int64_t keep_last = 2;
  bool tensorboard = true;

  template <class V>
  void fields(V& v);
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

  template <class V>
  void fields(V& v) {
    v.group(model, "model");
    v.group(data, "data");
    v.group(negatives, "negatives");
    v.group(loss, "loss");
    v.group(optim, "optim");
    v.group(train, "train");
    v.group(output, "output");
    v.group(guard, "guard");
  }
  void validate(config::Problems& problems) const;
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::GradCheckpointing> {
  static constexpr const char* names[] = {"false", "true", "image", "text"};
};

template <class V>
void fsc::ModelConfig::fields(V& v) {
  v(arch, "arch",
    "open_clip's model name, or the path of a model-config JSON (empty = what pretrained says; force:NAME overrules it)");
  v(pretrained, "pretrained",
    "Weights to start from: a run folder, a checkpoint, a model folder of open_clip or Hugging Face, or a file of weights (empty "
    "= random)");
  v(tokenizer, "tokenizer", "SigLIP's sentencepiece model (.model); empty = the one beside model.pretrained");
  v(force_image_size, "force_image_size",
    "Image size in pixels other than the architecture's; position embeddings are interpolated (0 = off)", config::at_least(0));
  v(force_context_length, "force_context_length",
    "Tokens a text other than the model's: its first position embeddings, or more by interpolation, as in the official code (0 = "
    "off)",
    config::at_least(0));
  v.group(lora, "lora");
  v(lock_image, "lock_image", "Freeze the image tower");
  v(lock_text, "lock_text", "Freeze the text tower");
  v(lock_image_unlocked_blocks, "lock_image_unlocked_blocks",
    "With lock_image: the last n blocks, last norm and projection are trained", config::at_least(0));
  v(lock_text_unlocked_blocks, "lock_text_unlocked_blocks",
    "With lock_text: the last n blocks, last norm and projection are trained", config::at_least(0));
}

template <class V>
void fsc::TrainConfig::fields(V& v) {
  v(epochs, "epochs", "Passes over the data", config::at_least(1));
  v(max_steps, "max_steps", "Stop after this many optimizer steps (0 = all epochs)", config::at_least(0));
  v(batch_size, "batch_size", "Images that go through the model at once", config::at_least(1));
  v(accum_freq, "accum_freq",
    "Batches a step, equal to one big batch: features first, then the gradient of each batch in a second pass",
    config::between(1, 65536));
  v(precision, "precision", "fp32, amp_bf16 (autocast), amp (fp16 autocast with loss scaling, CUDA only), bf16 (weights too)");
  v(device, "device", kDeviceHelp);
  v(tf32, "tf32", "On CUDA: float32 matrix products and convolutions by TF32, which keeps 10 bits of the factors");
  v(seed, "seed", "Seed of everything random", config::at_least(0));
  v(grad_checkpointing, "grad_checkpointing",
    "Recompute activations in the backward pass (true = both towers, image, text): less memory, more time");
  v(ema_decay, "ema_decay",
    "Also average the weights: average = ema_decay * average + (1 - ema_decay) * weights after each step (0 = off)",
    config::between_open_high(0.0, 1.0));
  v(deterministic, "deterministic", "Refuse operations whose result may vary from run to run");
}

template <class V>
void fsc::OutputConfig::fields(V& v) {
  v(dir, "dir", "Run folder");
  v(log_every_steps, "log_every_steps", "Steps between two lines of metrics.jsonl and the log", config::at_least(1));
  v(save_every_steps, "save_every_steps", "Steps between two checkpoints (0 = off)", config::at_least(0));
  v(save_every_epochs, "save_every_epochs", "Epochs between two checkpoints (0 = off); the end of the run is always saved",
    config::at_least(0));
  v(keep_last, "keep_last", "Checkpoints kept (0 = all)", config::at_least(0));
  v(tensorboard, "tensorboard", "Write TensorBoard events into the run folder");
}
