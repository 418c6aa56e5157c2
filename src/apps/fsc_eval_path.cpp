// fsc-eval --wise-ft-base: WiSE-FT's path to each checkpoint, its table and its picture.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "apps/fsc_eval_arguments.h"
#include "fsc/core/atomic_file.h"
#include "fsc/report/path_report.h"
#include "fsc/report/report.h"

namespace fs = std::filesystem;

void run_paths(const EvalArguments& given, const fsc::Compute& compute, const std::vector<std::string>& labels,
               const fsc::SuiteConfig& config, const fs::path& output) {
  constexpr int64_t kPixelBytes = int64_t{1} << 30;  // decoded images kept from one point to the next
  const auto alphas = fsc::parse_alphas(given.alphas, given.extrapolate);
  fsc::find_model(given.base, given.arch);
  fsc::PreparedSuite suite(config);
  suite.keep_pixels(kPixelBytes);
  const auto base = fsc::load_model(given.base, given.arch);
  const auto tokenizer = fsc::load_tokenizer(base.arch, given.tokenizer.empty() ? base.tokenizer : fs::path(given.tokenizer));
  fsc::make_directories(output);
  std::vector<fsc::WiseFtPath> paths;
  for (size_t i = 0; i < given.checkpoints.size(); ++i) {
    const auto finetuned = fsc::load_model(given.checkpoints[i], given.arch);
    paths.push_back(
        fsc::evaluate_path(suite, {given.base, &base}, {given.checkpoints[i], &finetuned}, alphas, *tokenizer, compute));
    const fs::path folder = labels.size() > 1 ? output / labels[i] : output;
    for (const auto& point : paths.back().points)
      fsc::write_model_results(folder / fmt::format("alpha_{}", point.alpha), point.result);
    fsc::write_file_atomic(output / "results.csv", fsc::paths_csv(paths));
    fsc::write_file_atomic(output / "results.json", fsc::paths_json(given.base, paths));
    std::printf("%s%s", i ? "\n" : "", fsc::path_table(paths.back()).c_str());
    std::fflush(stdout);
  }
  if (fsc::draw_trade_off(output, paths))
    spdlog::info("the trade-off is drawn in {0}/trade_off.png and {0}/trade_off.svg", output.string());
  else
    spdlog::info("no picture of the trade-off: the suite needs composition and one of zero-shot and retrieval");
  spdlog::info("results are in {}", output.string());
}
