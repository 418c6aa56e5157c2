// From the last step to the files that others take: alpha, model, average, curve.
#include "train/detail_ending.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "fsc/core/atomic_file.h"
#include "fsc/dist/together.h"
#include "fsc/train/run_log.h"
#include "train/detail_result_path.h"
#include "train/detail_resume.h"

namespace fsc::detail {
namespace fs = std::filesystem;
namespace {

constexpr const char* kAverageFolder = "ema";

/// Moves the weights to the guard's alpha, scored on the average where there is one; 1 = they stay.
double move_to_chosen_alpha(Session& session, Guard& guard) {
  ClipModelImpl& model = *session.learner.model;
  const fs::path start = guard.first_checkpoint();
  const auto choose = [&] {
    ResultPath path(model, start);
    return guard.choose_alpha([&](double alpha) { path.move_to(alpha); });
  };
  if (!session.average) return choose();
  session.average->swap();
  const double alpha = choose();
  session.average->swap();
  ResultPath(model, start).move_to(alpha);
  return alpha;
}

/// ema/ in the run folder: a model folder of its own.
void write_average(const fs::path& run, WeightAverage& average, const ModelToSave& result) {
  average.swap();
  make_directories(run / kAverageFolder);
  write_model(run / kAverageFolder, result);
  average.swap();
  spdlog::info("average of the weights (train.ema_decay) in {}/{}", run.string(), kAverageFolder);
}

}  // namespace

void write_result(const RunConfig& config, Session& session, Guard* guard, int64_t step) {
  const fs::path run = config.output.dir;
  Provenance provenance = {.step = step, .config_sha256 = config_hash(config)};
  if (guard && config.guard.action == GuardAction::kWiseFt) {
    const double alpha = move_to_chosen_alpha(session, *guard);
    if (alpha != 1)
      provenance.averaged = fmt::format("WiSE-FT, alpha {:g} from the start of the run to its step {}", alpha, step);
  }
  const auto write = [&] {
    const ModelToSave result = session.to_save(provenance);
    write_model(run, result);
    if (session.average) write_average(run, *session.average, result);
    std::vector<std::string> terms;
    for (const auto& term : session.learner.objective) terms.push_back(term.name);
    draw_loss_curve(run, terms);
  };
  on_first(session.world(), write, config.distributed.checkpoint_timeout);
}

}  // namespace fsc::detail
