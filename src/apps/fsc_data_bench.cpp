// fsc-data bench: the loader of a config without a model behind it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include "apps/fsc_data_commands.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/train/bench_loader.h"

namespace fsc {
namespace {

nlohmann::ordered_json as_json(const LoaderBench& bench, int64_t workers) {
  const auto samples = static_cast<double>(bench.stats.samples);
  nlohmann::ordered_json json = {{"samples", bench.stats.samples},
                                 {"seconds", bench.seconds},
                                 {"cpu_seconds", bench.cpu_seconds},
                                 {"workers", workers},
                                 {"samples_per_second", samples / bench.seconds},
                                 {"samples_per_cpu_second", samples / bench.cpu_seconds}};
  for (size_t i = 0; i < static_cast<size_t>(Stage::kCount); ++i)
    json["stages"][stage_name(static_cast<Stage>(i))] = bench.stats.seconds[i];
  return json;
}

}  // namespace

void add_bench(CLI::App& app) {
  struct Options {
    std::string config, json;
    std::vector<std::string> overrides;
    int64_t batches = 20;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("bench", "run the loader of a training config alone and say where its time goes");
  command->add_option("--config", options->config, "the config, as for fsc-train")->required();
  command->add_option("--set", options->overrides, "key.path=value, over the config")->take_all()->allow_extra_args(false);
  command->add_option("--batches", options->batches, "batches to time, after a first one")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}));
  command->add_option("--json", options->json, "also write the figures to this file");
  command->callback([options] {
    const auto config = config::load<RunConfig>(config_file(options->config), options->overrides);
    ProgressLine progress;
    const LoaderBench bench = bench_loader(
        config, options->batches, [&](int64_t batch) { progress.show(fmt::format("batch {}/{}", batch, options->batches)); });
    progress.finish();
    for (const auto& line : input_table(bench.stats, config.data.workers)) spdlog::info("{}", line);
    const auto samples = static_cast<double>(bench.stats.samples);
    if (!options->json.empty()) write_file_atomic(options->json, as_json(bench, config.data.workers).dump(2) + "\n");
    fmt::print("loader: {:.1f} samples/s ({} samples in {:.2f} s with {} workers, {:.1f} samples per CPU second)\n",
               samples / bench.seconds, bench.stats.samples, bench.seconds, config.data.workers, samples / bench.cpu_seconds);
  });
}

}  // namespace fsc
