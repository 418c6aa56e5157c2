// fsc-eval: scores one or several checkpoints on a suite of benchmarks.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/fsc_eval_arguments.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/report/report.h"
#include "fsc/tensor/memory.h"

namespace {
namespace fs = std::filesystem;

void declare(CLI::App& app, EvalArguments& given) {
  app.add_option("--checkpoint", given.checkpoints,
                 "Run folder, checkpoint, model folder of open_clip or Hugging Face, or file of weights; several are compared")
      ->required();
  app.add_option("--arch", given.arch,
                 "Architecture of a file that does not say it: open_clip's name or the path of a model-config JSON (force:NAME "
                 "overrules what it says)");
  app.add_option("--tokenizer", given.tokenizer,
                 "SigLIP's sentencepiece model (.model), where it does not lie beside the weights");
  app.add_option("--config", given.config,
                 "Suite: YAML with the keys below; a bare name is also looked for in the configs folder")
      ->required();
  app.add_option("--tasks", given.tasks, "Only these tasks: names or labels, separated by commas")->delimiter(',');
  auto* base = app.add_option("--wise-ft-base", given.base,
                              "Scores WiSE-FT's path from this model to each checkpoint: (1 - alpha) base + alpha checkpoint");
  app.add_option("--alphas", given.alphas, "Points of the path, as 0,0.25,1 or 0,0.1,...,1")->needs(base)->capture_default_str();
  app.add_flag("--extrapolate", given.extrapolate, "Allows alphas outside [0, 1]")->needs(base);
  auto* shard =
      app.add_option("--shard", given.shard,
                     "I/N, I = 0 ... N - 1: scores every N-th pair of a checkpoint and a benchmark only; the last of the "
                     "N puts the results together")
          ->excludes(base);
  app.add_flag("--merge", given.merge, "Puts the results of all shards together")->excludes(base)->excludes(shard);
  given.compute.declare(app);
  app.add_option("--output", given.output, "Where results go (default: CHECKPOINT/eval for one folder, else ./eval)");
  app.add_option("--set", given.overrides, "Overrides a key of the suite: key=value")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  fsc::SuiteConfig suite;
  app.footer(
      "Keys of the suite:\n" + fsc::config::help_text(fsc::config::fields_of(suite)) + fsc::catalog_help() +
      "\nWrites results.csv, and for each checkpoint results.json and predictions/<task>.jsonl; with several checkpoints\n"
      "these lie in a folder of their own under --output. With --wise-ft-base results.csv and results.json hold the paths,\n"
      "alpha_<A>/ a point's own results, trade_off.png and .svg the picture.");
}

int run(const EvalArguments& given) {
  fsc::init_logging();
  const fsc::Compute compute = given.merge ? fsc::Compute() : given.compute.open();
  const std::vector<fs::path> paths(given.checkpoints.begin(), given.checkpoints.end());
  const auto labels = fsc::checkpoint_labels(paths);
  auto config = fsc::load_suite(fsc::config_file(given.config), given.overrides);
  fsc::select_tasks(config, given.tasks);
  for (const auto& path : paths) fsc::find_model(path, given.arch);  // every checkpoint is looked at before the first is run
  const bool one = paths.size() == 1;
  const fs::path output = !given.output.empty()               ? fs::path(given.output)
                          : one && fs::is_directory(paths[0]) ? paths[0] / "eval"
                                                              : fs::path("eval");
  if (!given.base.empty()) {
    run_paths(given, compute, labels, config, output);
    return static_cast<int>(fsc::ExitCode::kDone);
  }
  if (!given.shard.empty() || given.merge) {
    if (given.merge)
      merge_shards(given, labels, config, output);
    else
      run_shard(given, compute, labels, config, output);
    return static_cast<int>(fsc::ExitCode::kDone);
  }
  const fsc::PreparedSuite suite(config);
  fsc::make_directories(output);
  std::vector<fsc::EvalResult> results;
  for (size_t i = 0; i < paths.size(); ++i) {
    auto model = fsc::load_model(paths[i], given.arch);
    const auto tokenizer = fsc::load_tokenizer(model.arch, given.tokenizer.empty() ? model.tokenizer : fs::path(given.tokenizer));
    results.push_back(suite.run(model, *tokenizer, paths[i].string(), compute));
    fsc::write_model_results(one ? output : output / labels[i], results.back());
    fsc::write_file_atomic(output / "results.csv", fsc::results_csv(results));
    std::printf("%s%s", i ? "\n" : "", fsc::model_table(results.back()).c_str());
    std::fflush(stdout);
  }
  if (!one) std::printf("\n%s", fsc::comparison_table(results).c_str());
  spdlog::info("results are in {}", output.string());
  return static_cast<int>(fsc::ExitCode::kDone);
}

int body(int argc, char** argv) {
  CLI::App app("Scores CLIP checkpoints on composition, zero-shot classification and retrieval.", "fsc-eval");
  EvalArguments given;
  declare(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(fsc::ExitCode::kUsage);
  }
  return run(given);
}

}  // namespace

int main(int argc, char** argv) {
  return fsc::run_main("fsc-eval", body, argc, argv,
                       {"lower the suite's batch_size (--set batch_size=16)", fsc::torch_memory_shortage});
}
