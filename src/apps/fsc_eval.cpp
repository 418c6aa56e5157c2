// fsc-eval: scores one or several checkpoints on a suite of benchmarks, on one or several ranks.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/fsc_eval_job.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/dist/rank.h"
#include "fsc/report/report.h"
#include "fsc/tensor/memory.h"

namespace {

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
  given.processes.declare(app);
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

void run_suite(EvalJob& job) {
  const auto& checkpoints = job.given.checkpoints;
  const bool one = checkpoints.size() == 1;
  const fsc::PreparedSuite suite = job.prepare(job.suite);
  job.on_first([&] { fsc::make_directories(job.output); });
  std::vector<fsc::EvalResult> results;
  for (size_t i = 0; i < checkpoints.size(); ++i) {
    auto model = job.load(checkpoints[i]);
    const auto tokenizer = job.tokenizer_of(model);
    results.push_back(suite.run(model, *tokenizer, checkpoints[i], job.compute));
    job.on_first([&] {
      fsc::write_model_results(one ? job.output : job.output / job.labels[i], results.back());
      fsc::write_file_atomic(job.output / "results.csv", fsc::results_csv(results));
      std::printf("%s%s", i ? "\n" : "", fsc::model_table(results.back()).c_str());
      std::fflush(stdout);
    });
  }
  job.on_first([&] {
    if (!one) std::printf("\n%s", fsc::comparison_table(results).c_str());
    spdlog::info("results are in {}", job.output.string());
  });
}

fsc::ExitCode run(const EvalArguments& given, const fsc::SuiteConfig& suite, const fsc::Layout& layout) {
  EvalJob job(given, suite, layout);
  if (!given.base.empty())
    run_paths(job);
  else if (!given.shard.empty())
    run_shard(job);
  else if (given.merge)
    job.on_first([&] { merge_shards(job); });
  else
    run_suite(job);
  return fsc::ExitCode::kDone;
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
  if (given.processes.wanted()) return given.processes.run(argc, argv);
  fsc::init_logging();
  auto suite = fsc::load_suite(fsc::config_file(given.config), given.overrides);
  fsc::select_tasks(suite, given.tasks);
  const fsc::Layout layout = fsc::find_layout(suite.distributed, fsc::process_environment());
  if (!layout.is_first()) spdlog::set_level(spdlog::level::err);  // rank 0 tells what all do
  return static_cast<int>(fsc::as_a_rank("fsc-eval", layout, [&] { return run(given, suite, layout); }));
}

}  // namespace

int main(int argc, char** argv) {
  return fsc::run_main("fsc-eval", body, argc, argv,
                       {"lower the suite's batch_size (--set batch_size=16)", fsc::torch_memory_shortage});
}
