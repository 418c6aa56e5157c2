// Models in, scores out: a suite is read once and run on any number of models.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fsc/eval/benchmark.h"
#include "fsc/eval/embedder.h"
#include "fsc/model/device.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/model_folder.h"

namespace fsc {

/// All results of one model.
struct EvalResult {
  std::string model;  ///< what it is called in results.json and tables
  std::vector<TaskResult> tasks;
  std::vector<std::pair<std::string, double>> averages;  ///< mean score of each kind of task that the suite has
};

/// The mean score of each kind of task that occurs.
std::vector<std::pair<std::string, double>> averages_of(const std::vector<TaskResult>& tasks);

/// One number of a result. `by`: a kind of task (composition, zeroshot, retrieval: its average), a task's label, or "average":
/// the mean of the kinds' averages. UsageError lists what there is; `option` names the wish in it.
double score_by(const EvalResult& result, const std::string& by, const std::string& option);

/// A suite whose annotations are read and whose images are there.
class PreparedSuite {
 public:
  /// Error: what a benchmark's files lack, or images that are missing (the first ten and the count).
  /// `max_items` > 0: each task keeps at most so many of its items (Task::keep). The ranks of `world` share the work; all of them
  /// must make it, and call run(), together.
  explicit PreparedSuite(const SuiteConfig& config, int64_t max_items = 0, std::shared_ptr<World> world = lone_world());
  /// Embeds with the model where it is, under the caller's autocast if there is one, and scores; shows progress on a terminal and
  /// logs what took how long. Every rank gets the whole result.
  EvalResult run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name) const;
  /// The same on `compute`, where the model stays.
  EvalResult run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name, const Compute& compute) const;
  /// Decoded images up to `bytes` stay in memory from one run to the next, as long as the models want the same preprocessing.
  void keep_pixels(int64_t bytes);
  /// No progress and no log line from run(); used by who tells its own story.
  void be_quiet() { quiet_ = true; }
  const Inputs& inputs() const { return inputs_; }

 private:
  struct Entry {
    std::string label;
    const Benchmark* benchmark;
    std::unique_ptr<Task> task;
  };
  void read_tasks(int64_t max_items);
  EmbedOptions options() const { return {config_.batch_size, config_.workers, pixels_.get(), world_}; }

  SuiteConfig config_;
  std::shared_ptr<World> world_;
  Inputs inputs_;
  std::vector<Entry> tasks_;
  std::shared_ptr<PixelCache> pixels_;  ///< null = none are kept
  bool quiet_ = false;
};

/// One model on one suite.
EvalResult evaluate(LoadedModel& model, const SuiteConfig& suite, const Tokenizer& tokenizer, const std::string& model_name = "");

}  // namespace fsc
