// What a model costs, by counting: operations, and bytes while it is trained and on disk.
#pragma once
#include <cstdint>

#include "fsc/model/arch_config.h"
#include "fsc/tensor/autocast.h"

namespace fsc {

/// Multiply-adds of a forward pass over `images` images and texts of `tokens` tokens in all.
double forward_work(const ArchConfig& arch, double images, double tokens);

/// How a tower is trained, as far as what it keeps for the backward pass depends on it.
struct TowerTraining {
  int64_t blocks = 0;       ///< that are not locked
  bool recomputed = false;  ///< gradient checkpointing
};

/// A step, as far as its memory depends on it.
struct StepSize {
  double images = 0, tokens = 0;  ///< of all parts; tokens with the padding
  double parts = 1;               ///< of which one at a time goes through the model
  TowerTraining image, text;
  bool lora = false;
  Precision precision = Precision::kFp32;
};

/// Bytes, roughly, of what one part of a step keeps for its backward pass.
double activation_bytes(const ArchConfig& arch, const StepSize& step);

/// Bytes of numbers that outlast a step, all of float32.
struct StateBytes {
  double memory = 0;      ///< weights, gradients, AdamW's two moments, the average
  double average = 0;     ///< of the trained weights; 0 without one
  double model_file = 0;  ///< model.safetensors or lora.safetensors
  double checkpoint = 0;  ///< that, the moments and the average
};

/// Of `parameters` numbers, of which `trained` are trained. With LoRA only these are written. `sharing` processes keep AdamW's
/// moments together.
StateBytes state_bytes(int64_t parameters, int64_t trained, bool lora, bool average, int64_t sharing = 1);

}  // namespace fsc
