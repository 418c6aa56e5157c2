// WiSE-FT's path from a pretrained to a fine-tuned model, scored at several points.
#pragma once
#include <string>
#include <vector>

#include "fsc/eval/evaluate.h"
#include "fsc/weights/interpolate.h"

namespace fsc {

struct PathPoint {
  double alpha = 0;
  EvalResult result;  ///< its `model` is "<checkpoint> alpha 0.5"
};
struct WiseFtPath {
  std::string checkpoint;  ///< the fine-tuned end
  std::vector<PathPoint> points;
};

/// "0,0.1,0.25" or "0,0.1,...,1" (the dots stand for the step before them, up to the number after). UsageError: not such a
/// list, outside [0, 1] unless `extrapolate`, given twice.
std::vector<double> parse_alphas(const std::string& text, bool extrapolate);

/// (1 - alpha) base + alpha finetuned for each alpha in turn, mixed on the CPU and scored on `compute`; a base of another context
/// length goes through with_context_of. Error when the two are not alike (check_alike).
WiseFtPath evaluate_path(const PreparedSuite& suite, const NamedModel& base, const NamedModel& finetuned,
                         const std::vector<double>& alphas, const Tokenizer& tokenizer, const Compute& compute = {});

}  // namespace fsc
