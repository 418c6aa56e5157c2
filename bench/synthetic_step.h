// A training step without files: a model, an objective, AdamW, and a made-up batch that is always the same.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bench/captions.h"
#include "fsc/losses/objective.h"
#include "fsc/model/clip_model.h"
#include "fsc/optim/optimizer.h"
#include "fsc/tensor/autocast.h"

namespace fsc::bench {

struct StepSetup {
  ArchConfig arch;
  LossName loss = LossName::kFsc;
  int64_t images = 32, negatives = 3;
  double lr = 1e-5;
  Precision precision = Precision::kFp32;
  Packing packing = Packing::kShared;
  torch::Device device = torch::kCPU;
};

/// Both towers of a width and depth that a CPU runs in no time, and features as wide as ViT-B/32's.
ArchConfig tiny_architecture();

class SyntheticStep {
 public:
  explicit SyntheticStep(const StepSetup& setup);
  /// As fsc-train's step goes; -> the loss, on the device.
  torch::Tensor run();
  /// The weights, on the CPU.
  StateDict weights() const;

 private:
  Features encode();

  StepSetup setup_;
  ClipModel model_;
  std::vector<Term> objective_;
  TextRows texts_;
  torch::Tensor images_B3SS_;
  Features fixed_;  ///< what does not come from the towers
  std::unique_ptr<AdamW> optimizer_;
  GradScaler scaler_;
};

}  // namespace fsc::bench
