// fsc-eval --wise-ft-base: WiSE-FT's path to each checkpoint, its table and its picture.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "apps/fsc_eval_job.h"
#include "fsc/core/atomic_file.h"
#include "fsc/report/path_report.h"
#include "fsc/report/report.h"

namespace fs = std::filesystem;

void run_paths(EvalJob& job) {
  constexpr int64_t kPixelBytes = int64_t{1} << 30;  // decoded images kept from one point to the next
  const EvalArguments& given = job.given;
  const auto alphas = fsc::parse_alphas(given.alphas, given.extrapolate);
  fsc::PreparedSuite suite = job.prepare(job.suite);
  suite.keep_pixels(kPixelBytes);
  const auto base = job.load(given.base);
  const auto tokenizer = job.tokenizer_of(base);
  job.on_first([&] { fsc::make_directories(job.output); });
  std::vector<fsc::WiseFtPath> paths;
  const auto write = [&](const fs::path& folder) {
    for (const auto& point : paths.back().points)
      fsc::write_model_results(folder / fmt::format("alpha_{}", point.alpha), point.result);
    fsc::write_file_atomic(job.output / "results.csv", fsc::paths_csv(paths));
    fsc::write_file_atomic(job.output / "results.json", fsc::paths_json(given.base, paths));
    std::printf("%s%s", paths.size() > 1 ? "\n" : "", fsc::path_table(paths.back()).c_str());
    std::fflush(stdout);
  };
  for (size_t i = 0; i < given.checkpoints.size(); ++i) {
    const auto finetuned = job.load(given.checkpoints[i]);
    paths.push_back(
        fsc::evaluate_path(suite, {given.base, &base}, {given.checkpoints[i], &finetuned}, alphas, *tokenizer, job.compute));
    job.on_first([&] { write(job.labels.size() > 1 ? job.output / job.labels[i] : job.output); });
  }
  job.on_first([&] {
    if (fsc::draw_trade_off(job.output, paths))
      spdlog::info("the trade-off is drawn in {0}/trade_off.png and {0}/trade_off.svg", job.output.string());
    else
      spdlog::info("no picture of the trade-off: the suite needs composition and one of zero-shot and retrieval");
    spdlog::info("results are in {}", job.output.string());
  });
}
