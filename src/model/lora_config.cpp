// model.lora.*: one line an option.
#include "fsc/model/lora.h"

namespace fsc {

void LoraConfig::fields(config::Collector& v) {
  using namespace config;
  v(rank, "rank", "Rank of the trained branches; everything else is frozen (0 = no LoRA)", between(0, 4096));
  v(alpha, "alpha", "The branches are scaled by alpha/rank", above(0.0));
  v(targets, "targets",
    "Where: linear (the MLPs), attention, conv1, or the end of a module's name with * for anything; image. or text. before it = "
    "that tower only");
  v(dropout, "dropout", "Share of a branch's inputs dropped while training (not in conv1)", between_open_high(0.0, 1.0));
  v(init, "init", "reference = the official code's, whose step 0 is not quite the base model; zero = step 0 is the base model");
}

}  // namespace fsc
