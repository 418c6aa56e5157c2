// fsc-eval's command line.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/compute_options.h"
#include "fsc/eval/evaluate.h"

struct EvalArguments {
  std::vector<std::string> checkpoints, tasks, overrides;
  std::string arch, config, output, tokenizer, shard, base, alphas = "0,0.1,...,1";
  bool extrapolate = false, merge = false;
  fsc::ComputeOptions compute;
};

/// --wise-ft-base: the path from the base to each checkpoint. `labels` name their folders in `output`.
void run_paths(const EvalArguments& given, const fsc::Compute& compute, const std::vector<std::string>& labels,
               const fsc::SuiteConfig& suite, const std::filesystem::path& output);

/// --shard I/N: scores every N-th pair of a checkpoint and a benchmark, from the I-th on, into `output`/shards/I_of_N; the one
/// that completes the N merges them.
void run_shard(const EvalArguments& given, const fsc::Compute& compute, const std::vector<std::string>& labels,
               const fsc::SuiteConfig& suite, const std::filesystem::path& output);

/// --merge: the shards' results as one process would have written them into `output`. Error: a pair is missing, or twice there,
/// or of another suite.
void merge_shards(const EvalArguments& given, const std::vector<std::string>& labels, const fsc::SuiteConfig& suite,
                  const std::filesystem::path& output);
