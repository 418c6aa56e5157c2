// The guard's probe: a small suite that is always the same, scored in the training's own precision.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "fsc/tensor/autocast.h"
#include "fsc/train/guard.h"
#include "fsc/train/probe_suite.h"
#include "train/guard/detail_guard_rules.h"

namespace fsc::detail {

/// The suite that `config` names, or what `default_suite` makes for the run folder `run`. UsageError when a named one lacks
/// composition, or both zero-shot and retrieval.
SuiteConfig suite_of_probe(const GuardConfig& config, const std::filesystem::path& run, const ProbeSuite& default_suite);

class Probe {
 public:
  /// Of each task at most `items` (0 = all) are scored, by all ranks of `world` together. Error as for PreparedSuite.
  Probe(const SuiteConfig& suite, int64_t items, std::shared_ptr<World> world = lone_world());
  virtual ~Probe() = default;

  /// Uses no random stream; the model is left in training mode. Error as for PreparedSuite::run.
  virtual Outcomes score(LoadedModel model, const Tokenizer& tokenizer, Precision precision) const;
  /// A digest of its texts, of its images' names, and of its tasks.
  const std::string& fingerprint() const { return fingerprint_; }
  int64_t images() const { return static_cast<int64_t>(suite_->inputs().images().size()); }
  /// Ids of all its texts.
  int64_t tokens(const Tokenizer& tokenizer, int64_t context_length) const;
  int64_t texts() const { return static_cast<int64_t>(suite_->inputs().texts().size()); }

 private:
  std::unique_ptr<PreparedSuite> suite_;
  std::string fingerprint_;
};

}  // namespace fsc::detail
