// What a benchmark is: a config becomes a task, which names its images and texts once and scores their embeddings for any model.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fsc/eval/interval.h"
#include "fsc/eval/suite.h"

namespace fsc {

/// Groups of tasks that are averaged.
enum class TaskKind { kComposition, kZeroShot, kRetrieval };
const char* kind_name(TaskKind kind);  ///< "composition", "zeroshot", "retrieval"

/// All distinct images and texts of a suite; tasks keep the numbers.
class Inputs {
 public:
  int64_t image(const std::filesystem::path& path);
  int64_t text(const std::string& text);
  /// The number of `other`'s image or text here; it is added if need be.
  int64_t image_of(const Inputs& other, int64_t number) { return image(other.images_[static_cast<size_t>(number)]); }
  int64_t text_of(const Inputs& other, int64_t number) { return text(other.texts_[static_cast<size_t>(number)]); }
  const std::vector<std::filesystem::path>& images() const { return images_; }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::filesystem::path> images_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, int64_t> image_numbers_, text_numbers_;
};

/// Normalised features of all inputs on the CPU. Texts with equal tokens share a row, so that they always score equal.
struct Embeddings {
  torch::Tensor images_ID;         ///< float32, row = image number
  torch::Tensor texts_UD;          ///< float32, one row a distinct token sequence
  std::vector<int64_t> text_rows;  ///< text number -> row of texts_UD
  int64_t row(int64_t text) const { return text_rows[static_cast<size_t>(text)]; }
};

/// One line of predictions/<task>.jsonl.
struct Prediction {
  std::string subtask, id;
  std::vector<float> scores;
  bool correct = false;
  std::vector<std::pair<const char*, int64_t>> more = {};  ///< what else the kind of task tells, such as rank
  size_t category = 0;  ///< the score is the mean over the categories of the accuracy over a category's predictions
};

/// Percentages throughout.
struct TaskResult {
  std::string label;
  TaskKind kind = TaskKind::kComposition;
  double score = 0, chance = 0;
  Interval interval;
  std::vector<std::pair<std::string, double>> subtasks;
  std::vector<Prediction> predictions;  ///< one an item
};

class Task {
 public:
  virtual ~Task() = default;
  /// Fills all but label and kind. Pure: the same embeddings give the same result.
  virtual TaskResult score(const Embeddings& embeddings) const = 0;
  /// Keeps at most `limit` items, evenly spread over all, and renumbers: `used` gets what they need of `all`.
  virtual void keep(int64_t limit, const Inputs& all, Inputs& used) = 0;
};

/// Of n things at most `limit`, evenly spread: increasing indices, the same for the same numbers.
std::vector<size_t> spread_indices(size_t n, size_t limit);

/// A benchmark's line in the catalog. Keys are those of TaskConfig besides name and label.
struct Benchmark {
  std::string name;
  TaskKind kind;
  std::string help;
  std::vector<std::string> required, optional;
  /// Reads the annotations. Error names the file and the item at fault.
  std::unique_ptr<Task> (*make)(const TaskConfig& config, Inputs& inputs);
};

/// All benchmarks.
const std::vector<Benchmark>& catalog();
/// nullptr when there is none of that name.
const Benchmark* find_benchmark(const std::string& name);
/// The catalog for --help.
std::string catalog_help();

}  // namespace fsc
