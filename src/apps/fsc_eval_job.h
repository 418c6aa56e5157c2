// fsc-eval's command line, and what follows from it on every rank.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/compute_options.h"
#include "apps/local_processes.h"
#include "fsc/eval/evaluate.h"

struct EvalArguments {
  std::vector<std::string> checkpoints, tasks, overrides;
  std::string arch, config, output, tokenizer, shard, base, alphas = "0,0.1,...,1";
  bool extrapolate = false, merge = false;
  fsc::ComputeOptions compute;
  fsc::LocalProcesses processes;
};

/// What all ways of scoring have in common. Every rank calls the same of it in the same order.
class EvalJob {
 public:
  const EvalArguments& given;
  const fsc::SuiteConfig suite;
  fsc::Compute compute;
  std::vector<std::string> labels;  ///< of the checkpoints: names of their folders
  std::filesystem::path output;

  /// Opens the device, meets the other ranks and looks at every checkpoint.
  EvalJob(const EvalArguments& arguments, const fsc::SuiteConfig& config, const fsc::Layout& layout);

  /// The suite, or a part of it. Error as for PreparedSuite, or where other ranks find other texts and images.
  fsc::PreparedSuite prepare(const fsc::SuiteConfig& part);
  /// Error as for load_model, or where other ranks read other weights.
  fsc::LoadedModel load(const std::string& checkpoint);
  /// The one that the command line names, else the model's own.
  std::shared_ptr<const fsc::Tokenizer> tokenizer_of(const fsc::LoadedModel& model) const;
  /// What writes and prints: on rank 0, while the others wait.
  void on_first(const std::function<void()>& work) const;

  /// Of all that scores depend on but for the weights: the suite without what it runs on, and the precision.
  std::string digest() const;

 private:
  void agree(const std::string& data, const std::string& weights) const;

  std::shared_ptr<fsc::World> world_;
};

/// --wise-ft-base: the path from the base to each checkpoint.
void run_paths(EvalJob& job);

/// --shard I/N: scores every N-th pair of a checkpoint and a benchmark, from the I-th on, into `output`/shards/I_of_N; the one
/// that completes the N merges them.
void run_shard(EvalJob& job);

/// --merge: the shards' results as one process would have written them into `output`. Error: a pair is missing, or twice there,
/// or of another suite.
void merge_shards(const EvalJob& job);
