// loss.*: one line an option.
#include "fsc/losses/objective.h"

namespace fsc {

void LossConfig::fields(config::Collector& v) {
  v(name, "name",
    "fsc = negatives in their own (1+N)-way losses; clip = contrastive, negatives (if any) as extra columns (NegCLIP); "
    "siglip = sigmoid loss, negatives (if any) as in fsc");
  v(global_hn_weight, "global_hn_weight", "Weight of the global hard-negative loss (fsc, siglip)", config::at_least(0.0));
  v(local_hn_weight, "local_hn_weight", "Weight of the local hard-negative loss (fsc, siglip)", config::at_least(0.0));
  v(focal_gamma, "focal_gamma", "Focal exponent of the hard-negative losses", config::at_least(0.0));
  v(label_smoothing, "label_smoothing", "Label smoothing of the hard-negative losses", config::between_open_high(0.0, 1.0));
  v(similarity_normalizer, "similarity_normalizer", "Token-patch weights: minmax or softmax over patches");
  v(sparsify, "sparsify", "minmax: drop weights below 1/P before they are summed");
  v(hn_reduction, "hn_reduction",
    "Several processes: global = the same loss and weights on any number of them; rank = means by process and 1/processes of the "
    "contrastive gradient, as the official code on several GPUs");
  v(missing_negatives, "missing_negatives", "A negative that does not exist: logit 0 as in the reference, or masked out");
}

}  // namespace fsc
