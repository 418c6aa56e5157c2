// The loop around a step: data, schedule, log, checkpoints, signals.
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdlib>

#include "detail_guard.h"
#include "detail_input_report.h"
#include "detail_plan.h"
#include "detail_result_path.h"
#include "detail_resume.h"
#include "detail_session.h"
#include "detail_swapped_average.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/clock.h"
#include "fsc/core/log.h"
#include "fsc/core/rng.h"
#include "fsc/core/stop.h"
#include "fsc/io/safetensors.h"
#include "fsc/tensor/memory.h"
#include "fsc/train/checkpoint.h"
#include "fsc/train/run_log.h"
#include "fsc/weights/model_folder.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr const char* kAverageFolder = "ema";

bool due(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

/// Steps taken since the verdicts were last read back from the device.
struct Pending {
  int64_t step = 0;
  StepReport report;
  std::vector<std::string> keys;
};

class Run {
 public:
  Run(const RunConfig& config, Session session, std::optional<Checkpoint> checkpoint)
      : config_(config), session_(std::move(session)), folder_(config.output.dir) {
    if (config.guard.is_on()) guard_ = std::make_unique<Guard>(config, session_);
    if (checkpoint) {
      restore(*checkpoint);
      set_aside_others(folder_, *checkpoint);
      if (guard_) guard_->restore(checkpoint->guard, checkpoint->folder);
      say_place(*checkpoint);
    }
    write_file_atomic(folder_ / "config.yaml", yaml());
    log_ = std::make_unique<RunLog>(folder_, state_.step, config.output.tensorboard);
    input_ = std::make_unique<InputReport>(*session_.loader, config.data);
    if (!checkpoint) return;
    if (is_checkpoint_of(folder_, checkpoint->folder))
      saved_step_ = state_.step;
    else
      write_checkpoint();  // what --resume auto finds, should the run be killed before its first own one
  }

  ExitCode go() {
    try {
      return loop();
    } catch (const Stopped&) {  // while it waited for its input
      interrupted();
      leave();
    }
  }

 private:
  ExitCode loop() {
    const int64_t per_epoch = session_.loader->batches_per_epoch();
    started_ = window_start_ = Clock::now();
    first_step_ = window_first_ = state_.step;
    if (guard_ && guard_->is_new()) watch();
    if (guard_ && guard_->stopped()) return end_at_best();
    if (state_.step < session_.total_steps) session_.loader->start(state_.data);
    while (state_.step < session_.total_steps) {
      if (stop_requested()) return interrupted();
      one_step();
      const bool epoch_ends = state_.step % per_epoch == 0;
      const bool last = state_.step == session_.total_steps;
      const auto next = guard_ && guard_->due(state_.step) ? watch() : GuardVerdict::Next::kGoOn;
      if (next == GuardVerdict::Next::kStop) return end_at_best();
      if (next == GuardVerdict::Next::kRollBack) {
        go_back();
        continue;
      }
      if (last || due(state_.step, config_.output.save_every_steps) ||
          (epoch_ends && due(state_.step / per_epoch, config_.output.save_every_epochs)))
        save();
    }
    finish();
    return ExitCode::kDone;
  }

  void one_step() {
    const auto begin = Clock::now();
    Batch batch = session_.loader->next();
    data_seconds_ += seconds_since(begin);
    const double lr = learning_rate(config_.optim, state_.step, session_.total_steps) * (guard_ ? guard_->lr_factor() : 1.0);
    Rng random = Rng::of(static_cast<uint64_t>(config_.train.seed), 0, static_cast<uint64_t>(state_.step), Stream::kDropout);
    StepReport report = session_.learner.step(batch, lr, random.next());
    if (session_.average) session_.average->update(report.verdict.skipped);
    ++state_.step;
    pending_.push_back({state_.step, std::move(report), std::move(batch.keys)});
    const bool log_now = due(state_.step, config_.output.log_every_steps) || state_.step == session_.total_steps;
    // On the CPU reading back costs nothing; a GPU is asked only now and then.
    if (log_now || session_.learner.device.is_cpu() || pending_.size() >= 32) read_back();
    if (log_now) write_line(lr);
    progress_.show(progress_text());
  }

  /// Reads the verdicts of pending steps; a streak of skipped steps ends the run, the last good checkpoint stays.
  void read_back() {
    for (const auto& pending : pending_) {
      last_loss_ = pending.report.losses.total.item<double>();
      if (pending.report.verdict.skipped.item<double>() == 0) {
        state_.skipped_in_a_row = 0;
        continue;
      }
      ++state_.skipped_total;
      ++state_.skipped_in_a_row;
      std::string keys;
      for (const auto& key : pending.keys) keys += (keys.empty() ? "" : ", ") + key;
      spdlog::warn("step {}: a gradient is not finite (loss {}); the weights were left alone. Its samples: {}", pending.step,
                   last_loss_, keys);
      if (state_.skipped_in_a_row >= config_.optim.max_skipped_steps)
        throw Error(std::to_string(state_.skipped_in_a_row) +
                    " steps in a row had a gradient that is not finite (optim.max_skipped_steps), the last one step " +
                    std::to_string(pending.step) +
                    "; lower optim.lr, set optim.grad_clip, or use another train.precision. Checkpoints in " +
                    (folder_ / "checkpoints").string() + " are as they were");
    }
    if (!pending_.empty()) last_ = std::move(pending_.back());
    pending_.clear();
  }

  void write_line(double lr) {
    const double steps = static_cast<double>(state_.step - window_first_), seconds = seconds_since(window_start_);
    Metrics m;
    m.step = state_.step;
    m.epoch = (state_.step - 1) / session_.loader->batches_per_epoch();
    m.samples = state_.step * config_.train.samples_per_step();
    m.loss = last_loss_;
    for (const auto& [name, value] : last_.report.losses.terms) m.terms.emplace_back(name, value.item<double>());
    m.lr = lr;
    m.logit_scale = last_.report.logit_scale.item<double>();
    m.grad_norm = last_.report.verdict.grad_norm.item<double>();
    m.step_seconds = seconds / steps;
    m.data_seconds = data_seconds_ / steps;
    m.samples_per_second = static_cast<double>(config_.train.samples_per_step()) / m.step_seconds;
    log_->write(m);
    last_metrics_ = m;
    log_step_line(line_text(m));
    input_->step(state_.step);
    total_data_seconds_ += data_seconds_;
    data_seconds_ = 0;
    window_start_ = Clock::now();
    window_first_ = state_.step;
  }

  std::string line_text(const Metrics& m) const {
    std::string terms;
    for (const auto& [name, value] : m.terms) terms += fmt::format(" {} {:.4f}", name, value);
    return fmt::format("step {}/{} epoch {} loss {:.4f}{} lr {:.2e} {:.1f} samples/s data {:.0f}% ETA {}", m.step,
                       session_.total_steps, m.epoch, m.loss, terms, m.lr, m.samples_per_second,
                       100 * m.data_seconds / m.step_seconds, format_duration(eta()));
  }

  std::string progress_text() const {
    Metrics m = last_metrics_;
    m.step = state_.step;
    m.epoch = (state_.step - 1) / session_.loader->batches_per_epoch();
    m.loss = last_loss_;
    if (m.step_seconds == 0) return fmt::format("step {}/{} loss {:.4f}", m.step, session_.total_steps, m.loss);
    return line_text(m);
  }

  double eta() const {
    const double done = static_cast<double>(state_.step - first_step_);
    return done > 0 ? seconds_since(started_) / done * static_cast<double>(session_.total_steps - state_.step) : 0;
  }

  std::string yaml() {
    RunConfig copy = config_;
    return config::to_yaml(config::fields_of(copy));
  }

  void save() {
    if (saved_step_ == state_.step) return;  // the guard wanted it already
    read_back();
    if (state_.step != state_.data.batch) state_.data = session_.loader->place();
    write_checkpoint();
  }

  void write_checkpoint() {
    StateDict optimizer;
    session_.learner.optimizer->save(optimizer);
    session_.learner.scaler->save(optimizer);
    const auto begin = Clock::now();
    save_checkpoint(folder_,
                    {.folder = {},
                     .state = state_,
                     .config_yaml = yaml(),
                     .data_fingerprint = session_.loader->fingerprint(),
                     .config_sha256 = config_hash(config_),
                     .guard = guard_ ? guard_->state() : ""},
                    session_.to_save(), optimizer, config_.output.keep_last,
                    session_.average ? session_.average->state() : StateDict(),
                    guard_ ? guard_->kept_steps() : std::set<int64_t>());
    saved_step_ = state_.step;
    spdlog::info("saved {}/checkpoints/step_{} in {}", folder_.string(), state_.step, format_duration(seconds_since(begin)));
  }

  void restore(const Checkpoint& checkpoint) {
    check_same_data(config_, checkpoint, session_.loader->fingerprint());
    state_ = checkpoint.state;
    const StateDict optimizer = read_safetensors(checkpoint.folder / kOptimizerFile);
    session_.learner.optimizer->load(optimizer, (checkpoint.folder / kOptimizerFile).string());
    session_.learner.scaler->load(optimizer);
    if (session_.lora) resume_lora(*session_.learner.model, checkpoint.folder, *session_.lora);
    if (session_.average)
      session_.average->load(read_safetensors(checkpoint.folder / kAverageFile), (checkpoint.folder / kAverageFile).string());
  }

  void say_place(const Checkpoint& checkpoint) const {
    spdlog::info("going on from {}: step {} of {}, epoch {}, sample {} of its order", checkpoint.folder.string(), state_.step,
                 session_.total_steps, state_.data.epoch, state_.data.draw);
  }

  /// Has the guard score the weights that would be the result: the average where there is one.
  GuardVerdict::Next watch() {
    progress_.finish();
    const auto begin = Clock::now();
    read_back();
    std::optional<SwappedAverage> average;
    if (session_.average) average.emplace(*session_.average);
    const GuardVerdict verdict = guard_->probe(state_.step);
    average.reset();
    log_->scalars(state_.step, verdict.scalars);
    started_ += Clock::now() - begin;  // the guard's time is told apart
    window_start_ += Clock::now() - begin;
    if (verdict.save) save();
    return verdict.next;
  }

  /// Takes the checkpoint that the guard names as the state of the run.
  void load_best() {
    const int64_t from = state_.step;
    const Checkpoint best = open_checkpoint(guard_->best_checkpoint());
    if (!session_.lora) load_state(*session_.learner.model, state_dict(*load_model(best.folder).model), best.folder.string());
    restore(best);
    saved_step_ = state_.step;
    first_step_ += state_.step - from;
    window_first_ = state_.step;
  }

  /// As if the steps behind the best checkpoint had never been, but with the guard's lower learning rate.
  void go_back() {
    remove_checkpoints_after(folder_, guard_->best_step());
    load_best();
    log_ = std::make_unique<RunLog>(folder_, state_.step, config_.output.tensorboard);
    window_start_ = Clock::now();
    data_seconds_ = 0;
    session_.loader->start(state_.data);
  }

  ExitCode end_at_best() {
    spdlog::info("guard: stopped at step {} of {}; the result is {}", state_.step, session_.total_steps,
                 guard_->best_checkpoint().string());
    load_best();
    finish();
    return ExitCode::kDone;
  }

  /// guard.action wise-ft: moves the weights to the alpha that the guard chooses (scored on the average where there is one).
  /// Says so for the model's record; "" when they stay.
  std::string move_to_chosen_alpha() {
    if (!guard_ || config_.guard.action != GuardAction::kWiseFt) return "";
    const auto choose = [&] {
      ResultPath path(*session_.learner.model, guard_->first_checkpoint());
      return guard_->choose_alpha([&](double alpha) { path.move_to(alpha); });
    };
    double alpha = 1;
    if (session_.average) {
      session_.average->swap();
      alpha = choose();
      session_.average->swap();
      ResultPath(*session_.learner.model, guard_->first_checkpoint()).move_to(alpha);
    } else {
      alpha = choose();
    }
    return alpha == 1 ? "" : fmt::format("WiSE-FT, alpha {:g} from the start of the run to its step {}", alpha, state_.step);
  }

  ExitCode interrupted() {
    progress_.finish();
    spdlog::info("{} received: saving and stopping", stop_signal());
    save();
    spdlog::info("stopped at step {} of {}; go on with the same command and --resume auto", state_.step, session_.total_steps);
    return ExitCode::kInterrupted;
  }

  /// Without waiting for the loader: one of its workers may hang in a read that nothing ends.
  [[noreturn]] void leave() {
    log_.reset();
    spdlog::default_logger()->flush();
    std::_Exit(static_cast<int>(ExitCode::kInterrupted));
  }

  void finish() {
    progress_.finish();
    const std::string averaged = move_to_chosen_alpha();
    const ModelToSave result =
        session_.to_save({.step = state_.step, .config_sha256 = config_hash(config_), .averaged = averaged});
    write_model(folder_, result);
    if (session_.average) write_average(result);
    std::vector<std::string> terms;
    for (const auto& term : session_.learner.objective) terms.push_back(term.name);
    log_->draw_curve(terms);
    const int64_t steps = state_.step - first_step_;
    const double seconds = seconds_since(started_);
    const LoaderStats stats = session_.loader->stats();
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    if (steps > 0) {
      const double samples = static_cast<double>(steps * config_.train.samples_per_step());
      spdlog::info("{} steps in {}: {:.2f} s a step, {:.1f} samples/s, {:.1f}% of it waiting for data, peak memory {}", steps,
                   format_duration(seconds), seconds / static_cast<double>(steps), samples / seconds,
                   100 * total_data_seconds_ / seconds, format_bytes(1024.0 * static_cast<double>(usage.ru_maxrss)));
      spdlog::info(
          "texts: {}, cut at the context length: {}, mojibake left as it is: {}, invalid UTF-8: {}; bad samples: {}; skipped "
          "steps: {}",
          stats.texts, stats.truncated, stats.mojibake, stats.invalid_utf8, stats.bad_samples, state_.skipped_total);
    } else {
      spdlog::info("the run was complete already: {} steps", state_.step);
    }
    input_->finish();
    if (guard_) guard_->log_cost();
    spdlog::info("model in {}/{}, loss curve in {}/loss_curve.png; score it with: fsc-eval --checkpoint {} --config SUITE.yaml",
                 folder_.string(), result.weights_file(), folder_.string(), folder_.string());
  }

  /// ema/ in the run folder: a model folder of its own.
  void write_average(const ModelToSave& result) {
    session_.average->swap();
    make_directories(folder_ / kAverageFolder);
    write_model(folder_ / kAverageFolder, result);
    session_.average->swap();
    spdlog::info("average of the weights (train.ema_decay) in {}/{}", folder_.string(), kAverageFolder);
  }

  const RunConfig& config_;
  Session session_;
  fs::path folder_;
  TrainState state_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<InputReport> input_;
  int64_t saved_step_ = -1;
  ProgressLine progress_;
  std::vector<Pending> pending_;
  Pending last_;
  Metrics last_metrics_;
  double last_loss_ = 0;
  Clock::time_point started_, window_start_;
  int64_t first_step_ = 0, window_first_ = 0;
  double data_seconds_ = 0, total_data_seconds_ = 0;
};

}  // namespace

ExitCode train(const RunConfig& config, const TrainOptions& options) {
  use_reusable_cpu_memory();
  at::globalContext().setDeterministicAlgorithms(config.train.deterministic, /*warn_only=*/false);
  if (options.dry_run) {
    Session session = open_session(config, choose_device(config.train), "");
    print_plan(config, session);
    spdlog::info("--dry-run: everything opens; nothing was trained or written");
    return ExitCode::kDone;
  }
  const fs::path folder = config.output.dir;
  const RunFolder guard(folder, !resumes_in_place(folder, options.resume));
  log_to_file(folder / "log.txt");
  const torch::Device device = choose_device(config.train);
  auto checkpoint = checkpoint_to_resume(config, options);
  RunConfig start = config;
  if (checkpoint) {  // the checkpoint's model replaces what the run began from
    check_same_config(config, *checkpoint);
    if (!config.model.lora.is_on()) {  // LoRA's is added to the base later
      start.model.pretrained = checkpoint->folder;
      // Its sizes are the forced ones already, which model.arch contradicts.
      if (config.model.force_image_size > 0 || config.model.force_context_length > 0) start.model.arch.clear();
    }
  }
  Session session = open_session(start, device, folder / "bad_samples.txt");
  return Run(config, std::move(session), std::move(checkpoint)).go();
}

}  // namespace fsc
