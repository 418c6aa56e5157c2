// fsc-eval's command line.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/compute_options.h"
#include "fsc/eval/evaluate.h"

struct EvalArguments {
  std::vector<std::string> checkpoints, tasks, overrides;
  std::string arch, config, output, tokenizer, base, alphas = "0,0.1,...,1";
  bool extrapolate = false;
  fsc::ComputeOptions compute;
};

/// --wise-ft-base: the path from the base to each checkpoint. `labels` name their folders in `output`.
void run_paths(const EvalArguments& given, const fsc::Compute& compute, const std::vector<std::string>& labels,
               const fsc::SuiteConfig& suite, const std::filesystem::path& output);
