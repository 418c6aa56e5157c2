// What a benchmark is: a config becomes a task, which names its images and texts and scores their embeddings for any model.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fsc/eval/inputs.h"
#include "fsc/eval/score.h"
#include "fsc/eval/suite.h"

namespace fsc {

/// Groups of tasks that are averaged.
enum class TaskKind { kComposition, kZeroShot, kRetrieval };
const char* kind_name(TaskKind kind);  ///< "composition", "zeroshot", "retrieval"

/// Items of one kind. An item refers to its images and texts by themselves; the suite numbers what is left after keep().
class Task {
 public:
  virtual ~Task() = default;
  /// Keeps at most `limit` items, evenly spread over all.
  virtual void keep(int64_t limit) = 0;
  /// Adds the images and texts of its items, in their order.
  virtual void add_inputs(Inputs& inputs) const = 0;
  /// Pure: the same embeddings give the same findings.
  virtual Findings score(const Embeddings& embeddings) const = 0;
};

/// A task's score and everything behind it.
struct TaskResult {
  std::string label;
  TaskKind kind = TaskKind::kComposition;
  Rules rules;
  Score total;
  std::vector<Outcome> outcomes;
};

/// Of n things at most `limit`, evenly spread: increasing indices, the same for the same numbers.
std::vector<size_t> spread_indices(size_t n, size_t limit);

/// A benchmark: what the catalog lists. Keys are those of TaskConfig besides name and label.
struct Benchmark {
  std::string name;
  TaskKind kind;
  std::string help;
  std::vector<std::string> required, optional;
  Rules rules;  ///< how its score is made
  /// Reads the annotations. Error names the file and the item at fault.
  std::unique_ptr<Task> (*read)(const TaskConfig& config);
};

/// All benchmarks.
const std::vector<Benchmark>& catalog();
/// nullptr when there is none of that name.
const Benchmark* find_benchmark(const std::string& name);
/// The catalog for --help.
std::string catalog_help();

}  // namespace fsc
