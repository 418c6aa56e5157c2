// Rules between the keys of different groups.
#include "fsc/train/run_config.h"

namespace fsc {

void RunConfig::fields(config::Collector& v) {
  v.group(model, "model");
  v.group(data, "data");
  v.group(negatives, "negatives");
  v.group(loss, "loss");
  v.group(optim, "optim");
  v.group(train, "train");
  v.group(output, "output");
  v.group(guard, "guard");
  v.group(distributed, "distributed");
  v.group(slurm, "slurm");
}

void ModelConfig::fields(config::Collector& v) {
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

void TrainConfig::fields(config::Collector& v) {
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
  v(kernels, "kernels",
    "fused (our own, where there is one for the device and the precision and it pays at the size), reference (LibTorch's "
    "operations only), fused_always (at every size: less memory)");
  v(verify_kernels, "verify_kernels",
    "Compute the fused kernels of the first step and of every so many steps by their reference, too, and log the largest "
    "difference "
    "(0 = off)",
    config::at_least(0));
}

void OutputConfig::fields(config::Collector& v) {
  v(dir, "dir", "Run folder");
  v(log_every_steps, "log_every_steps", "Steps between two lines of metrics.jsonl and the log", config::at_least(1));
  v(save_every_steps, "save_every_steps", "Steps between two checkpoints (0 = off)", config::at_least(0));
  v(save_every_epochs, "save_every_epochs", "Epochs between two checkpoints (0 = off); the end of the run is always saved",
    config::at_least(0));
  v(keep_last, "keep_last", "Checkpoints kept (0 = all)", config::at_least(0));
  v(tensorboard, "tensorboard", "Write TensorBoard events into the run folder");
}

void GuardConfig::fields(config::Collector& v) {
  using namespace config;
  v(every_steps, "every_steps",
    "Steps between two scorings of the probe, which is scored at the start and the end too (0 = no guard)", at_least(0));
  v(suite, "suite",
    "Suite of the probe, as for fsc-eval; empty = of configs/eval/{sugarcrepe,zeroshot,retrieval}.yaml what is there, else the "
    "synthetic world");
  v(items, "items",
    "Items of each task that are scored, evenly spread over all of them (0 = all); the log says how large a drop so many can see",
    at_least(0));
  v(max_drop, "max_drop",
    "Limit: percentage points that the mean of the zero-shot and that of the retrieval tasks may lose against step 0",
    at_least(0.0));
  v(decide, "decide",
    "A kind is beyond the limit when its drop is so for certain (interval: the upper end of the change's 95% interval lies below "
    "-max_drop) or as measured (point)");
  v(action, "action",
    "Beyond the limit: warn; stop (the result is the best checkpoint within); rollback (to it, with a lower rate); wise-ft (at "
    "the end)");
  v(rollback_lr_factor, "rollback_lr_factor", "rollback: factor of the learning rate, each time", between_open_high(0.0, 1.0));
  v(max_rollbacks, "max_rollbacks", "rollback: so many times, then as stop", at_least(0));
  v(alphas, "alphas", "wise-ft: alphas tried are 0, 1/N, 2/N ... 1", between(1, 1000));
  v(keep, "keep",
    "Checkpoints kept of the Pareto front of composition against forgetting, beyond output.keep_last (0 = all of it)",
    at_least(0));
  v(budget, "budget",
    "Share of the training that probes between the first and the last may cost, by count of operations; every_steps is stretched "
    "to keep it (0 = no bound)",
    at_least(0.0));
}

void RunConfig::validate(config::Problems& problems) const {
  data.validate(problems);
  negatives.validate(problems);
  optim.validate(problems);
  slurm.validate(problems);
  if (model.arch.empty() && model.pretrained.empty())
    problems.add("model.arch",
                 "is missing; name an architecture such as ViT-B-32-quickgelu, or give model.pretrained a run folder");
  model.lora.validate(problems, "model.lora");
  if (const auto problem = device_name_problem(train.device); !problem.empty()) problems.add("train.device", problem);
  if (!model.lock_image && model.lock_image_unlocked_blocks > 0)
    problems.add("model.lock_image_unlocked_blocks", "has no effect without model.lock_image: true");
  if (!model.lock_text && model.lock_text_unlocked_blocks > 0)
    problems.add("model.lock_text_unlocked_blocks", "has no effect without model.lock_text: true");
  if (train.kernels == Kernels::kReference && train.verify_kernels > 0)
    problems.add("train.verify_kernels", "has no effect with train.kernels: reference");
  if (output.dir.empty()) problems.add("output.dir", "is empty; name a run folder");
  if (!problems.was_misread("loss.name") && loss.name == LossName::kFsc && needs_of(make_objective(loss)).negatives &&
      negatives.source == NegativeSource::kNone)
    problems.add(
        "negatives.source",
        "is none, but loss.name: fsc needs hard negatives; set negatives.source to column or generate, or loss.name to clip");
}

}  // namespace fsc
