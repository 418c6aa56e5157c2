// The guard's probe: a small suite that is always the same, scored in the training's own precision.
#pragma once
#include <filesystem>
#include <string>

#include "detail_guard_rules.h"
#include "fsc/train/guard.h"
#include "fsc/train/run_config.h"

namespace fsc {

class Probe {
 public:
  /// Reads the suite that `config` names or the default one; the synthetic world is drawn into `run`/probe when it is needed.
  /// UsageError when a suite of the user's lacks composition, or both zero-shot and retrieval.
  Probe(const GuardConfig& config, const std::filesystem::path& run);

  /// Uses no random stream; the model is left in training mode. Error as for PreparedSuite::run.
  Outcomes score(LoadedModel model, const Tokenizer& tokenizer, Precision precision) const;
  /// A digest of its texts, of its images' names, and of `config`'s count of items.
  const std::string& fingerprint() const { return fingerprint_; }
  int64_t images() const { return static_cast<int64_t>(suite_->inputs().images().size()); }
  /// Ids of all its texts.
  int64_t tokens(const Tokenizer& tokenizer, int64_t context_length) const;
  int64_t texts() const { return static_cast<int64_t>(suite_->inputs().texts().size()); }

 private:
  std::unique_ptr<PreparedSuite> suite_;
  std::string fingerprint_;
};

}  // namespace fsc
