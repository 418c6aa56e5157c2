// Models in, scores out: a suite is read once and run on any number of models.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fsc/eval/benchmark.h"
#include "fsc/weights/model_folder.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

/// All results of one model.
struct EvalResult {
  std::string model;  ///< what it is called in results.json and tables
  std::vector<TaskResult> tasks;
  std::vector<std::pair<std::string, double>> averages;  ///< mean score of each kind of task that the suite has
};

/// A suite whose annotations are read and whose images are there.
class PreparedSuite {
 public:
  /// Error: what a benchmark's files lack, or images that are missing (the first ten and the count).
  explicit PreparedSuite(const SuiteConfig& config);
  /// Embeds and scores; shows progress on a terminal and logs what took how long.
  EvalResult run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name) const;
  const Inputs& inputs() const { return inputs_; }

 private:
  struct Entry {
    std::string label;
    TaskKind kind;
    std::unique_ptr<Task> task;
  };
  SuiteConfig config_;
  Inputs inputs_;
  std::vector<Entry> tasks_;
};

/// One model on one suite.
EvalResult evaluate(LoadedModel& model, const SuiteConfig& suite, const Tokenizer& tokenizer, const std::string& model_name = "");

}  // namespace fsc
