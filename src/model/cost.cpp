// Counts of operations and bytes from an architecture's sizes.
#include "fsc/model/cost.h"

namespace fsc {

double forward_work(const ArchConfig& arch, double images, double tokens) {
  const auto layer = [](int64_t width, double mlp_ratio, double length) {
    const double w = static_cast<double>(width);
    return (4 + 2 * mlp_ratio) * w * w + 2 * length * w;  // projections and MLP, attention; a token
  };
  const auto& vision = arch.vision;
  const double patches = static_cast<double>(vision.grid() * vision.grid()), width = static_cast<double>(vision.width);
  const double embedding = patches * 3 * static_cast<double>(vision.patch_size * vision.patch_size) * width;
  const double image =
      embedding + (patches + 1) * static_cast<double>(vision.layers) * layer(vision.width, vision.mlp_ratio, patches + 1);
  return images * image + tokens * static_cast<double>(arch.text.layers) * layer(arch.text.width, arch.text.mlp_ratio, 0);
}

double activation_bytes(const ArchConfig& arch, const StepSize& step) {
  // A block keeps about 16 vectors of its width a token for the backward pass: norms, q k v, attention, and the 4x wide MLP
  // twice. LoRA keeps the layers' inputs only, a recomputed block its own, a locked block nothing.
  const auto kept = [&](const TowerTraining& tower) { return tower.recomputed ? 1.0 : step.lora ? 10.0 : 16.0; };
  const double number = step.precision == Precision::kFp32 ? 4.0 : 2.5;
  const double patches = step.images * static_cast<double>(arch.vision.grid() * arch.vision.grid() + 1);
  const double image =
      kept(step.image) * patches * static_cast<double>(arch.vision.width) * static_cast<double>(step.image.blocks);
  const double text =
      kept(step.text) * step.tokens * static_cast<double>(arch.text.width) * static_cast<double>(step.text.blocks);
  return number / step.parts * (image + text);
}

StateBytes state_bytes(int64_t parameters, int64_t trained, bool lora, bool average, int64_t sharing) {
  const double all = static_cast<double>(parameters), learned = static_cast<double>(trained);
  StateBytes bytes;
  bytes.average = average ? 4.0 * learned : 0.0;
  bytes.memory = 4.0 * all + 4.0 * learned + 8.0 * learned / static_cast<double>(sharing) + bytes.average;
  bytes.model_file = 4.0 * (lora ? learned : all);
  bytes.checkpoint = bytes.model_file + 8.0 * learned + bytes.average;
  return bytes;
}

}  // namespace fsc
