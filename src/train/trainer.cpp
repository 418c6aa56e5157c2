// The order of events in a run: steps, probes, checkpoints, signals, the end.
#include "fsc/train/trainer.h"

#include <ATen/Context.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <thread>

#include "fsc/core/log.h"
#include "fsc/core/rng.h"
#include "fsc/core/stop.h"
#include "fsc/dist/rank.h"
#include "fsc/dist/together.h"
#include "fsc/tensor/memory.h"
#include "fsc/tensor/worker_thread.h"
#include "train/detail_ending.h"
#include "train/detail_kernel_check.h"
#include "train/detail_meter.h"
#include "train/detail_plan.h"
#include "train/detail_ranks.h"
#include "train/detail_resume.h"
#include "train/detail_session.h"
#include "train/detail_store.h"
#include "train/detail_swapped_average.h"
#include "train/guard/detail_guard.h"

namespace fsc {
using namespace detail;
namespace fs = std::filesystem;
namespace {

bool due(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

class Run {
 public:
  Run(const RunConfig& config, const TrainOptions& options, const Fault& fault, Session session,
      const std::optional<Checkpoint>& checkpoint)
      : config_(config),
        session_(std::move(session)),
        guard_(open_guard(config, session_, options.default_probe)),
        store_(config, session_, guard_.get()),
        kernel_check_(config.train.verify_kernels),
        fault_(fault) {
    if (checkpoint) go_on_from(*checkpoint);
    share_weights(world(), *session_.learner.model);
    store_.write_config();
    meter_ = std::make_unique<Meter>(config_, session_, state_);
    if (checkpoint) store_.make_own(*checkpoint);
  }

  ExitCode go() {
    try {
      return loop();
    } catch (const Stopped&) {  // while it waited for its input, all ranks for the same batch
      end_interrupted();
    }
  }

 private:
  World& world() const { return session_.world(); }

  void go_on_from(const Checkpoint& checkpoint) {
    state_ = store_.restore(checkpoint);
    on_first(world(), [&] { set_aside_others(config_.output.dir, checkpoint); });
    if (guard_) guard_->restore(checkpoint.guard, checkpoint.folder);
    spdlog::info("going on from {}: step {} of {}, epoch {}, sample {} of its order", checkpoint.folder.string(), state_.step,
                 session_.total_steps, state_.data.epoch, state_.data.draw);
  }

  ExitCode loop() {
    meter_->start();
    if (guard_ && guard_->is_new()) watch();
    if (guard_ && guard_->stopped()) return end_at_best();
    if (state_.step < session_.total_steps) feed();
    while (state_.step < session_.total_steps) {
      fault_.strike(world(), state_.step);
      if (any(world(), stop_requested())) end_interrupted();
      one_step();
      if (due(state_.step, config_.distributed.check_every)) check_same_weights(world(), *session_.learner.model, state_.step);
      const auto next = guard_ && guard_->due(state_.step) ? watch() : GuardVerdict::Next::kGoOn;
      if (next == GuardVerdict::Next::kStop) return end_at_best();
      if (next == GuardVerdict::Next::kRollBack)
        go_back();
      else if (save_is_due())
        save();
    }
    finish();
    return ExitCode::kDone;
  }

  /// The batches of the steps that are left.
  void feed() { session_.feed->start(state_.data, session_.total_steps - state_.step); }

  void one_step() {
    const auto begin = Clock::now();
    Batch batch = session_.feed->next();
    meter_->waited(seconds_since(begin));
    const double lr = learning_rate(config_.optim, state_.step, session_.total_steps) * (guard_ ? guard_->lr_factor() : 1.0);
    Rng random = Rng::of(static_cast<uint64_t>(config_.train.seed), 0, static_cast<uint64_t>(state_.step), Stream::kDropout);
    std::vector<std::string> keys = std::move(batch.keys);
    const uint64_t dropout = random.next();
    StepReport report = kernel_check_.step(state_.step + 1, [&] { return session_.learner.step(std::move(batch), lr, dropout); });
    if (session_.average) session_.average->update(report.verdict.skipped);
    ++state_.step;
    meter_->step(std::move(report), std::move(keys), lr);
  }

  bool save_is_due() const {
    const int64_t per_epoch = session_.loader->batches_per_epoch();
    const bool epoch_ends = state_.step % per_epoch == 0;
    return state_.step == session_.total_steps || due(state_.step, config_.output.save_every_steps) ||
           (epoch_ends && due(state_.step / per_epoch, config_.output.save_every_epochs));
  }

  void save() {
    if (store_.has(state_.step)) return;  // the guard wanted it already
    meter_->read_back();
    if (state_.step != state_.data.batch) state_.data = session_.feed->place();
    store_.save(state_);
  }

  /// Has the guard score the weights that would be the result: the average where there is one.
  GuardVerdict::Next watch() {
    meter_->end_line();
    const auto begin = Clock::now();
    const double waited = world().waited_seconds();
    meter_->read_back();
    std::optional<SwappedAverage> average;
    if (session_.average) average.emplace(*session_.average);
    const GuardVerdict verdict = guard_->probe(state_.step);
    average.reset();
    meter_->scalars(verdict.scalars);
    meter_->leave_out(Clock::now() - begin, world().waited_seconds() - waited);
    if (verdict.save) save();
    return verdict.next;
  }

  /// As if the steps behind the best checkpoint had never been, but with the guard's lower learning rate.
  void go_back() {
    const int64_t from = state_.step;
    state_ = store_.go_back();
    meter_->drop_later_lines();
    meter_->went_back(from);
    feed();
  }

  ExitCode end_at_best() {
    spdlog::info("guard: stopped at step {} of {}; the result is {}", state_.step, session_.total_steps,
                 guard_->best_checkpoint().string());
    const int64_t from = state_.step;
    state_ = store_.restore_best();
    meter_->went_back(from);
    finish();
    return ExitCode::kDone;
  }

  /// Without waiting for the loader: one of its workers may hang in a read that nothing ends.
  [[noreturn]] void end_interrupted() {
    meter_->end_line();
    spdlog::info("{} received{}: saving and stopping", stop_signal(), stop_requested() ? "" : " here, but by another rank");
    save();
    spdlog::info("stopped at step {} of {}; go on with the same command and --resume auto", state_.step, session_.total_steps);
    if (config_.distributed.on_preempt == OnPreempt::kWait) wait_to_be_killed();
    meter_->close();
    spdlog::default_logger()->flush();
    std::_Exit(static_cast<int>(ExitCode::kInterrupted));
  }

  /// Some sites count a job as preempted only where they had to end it.
  static void wait_to_be_killed() {
    spdlog::info("saved; waiting to be killed (distributed.on_preempt: wait)");
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
  }

  void finish() {
    meter_->end_line();
    write_result(config_, session_, guard_.get(), state_.step);
    meter_->say_totals();
    if (guard_) guard_->log_cost();
    const std::string& folder = config_.output.dir;
    spdlog::info("model in {}/{}, loss curve in {}/loss_curve.png; score it with: fsc-eval --checkpoint {} --config SUITE.yaml",
                 folder, session_.to_save().weights_file(), folder, folder);
  }

  const RunConfig& config_;
  Session session_;
  std::unique_ptr<Guard> guard_;  ///< null without guard.every_steps
  Store store_;
  KernelCheck kernel_check_;
  const Fault fault_;
  TrainState state_;
  std::unique_ptr<Meter> meter_;
};

/// A rank's way from its world to the run.
class Begin {
 public:
  Begin(const RunConfig& config, const TrainOptions& options, const Layout& layout)
      : config_(config),
        options_(options),
        layout_(layout),
        fault_(Fault::parse(options.simulate_fault)),
        run_(config.output.dir) {}

  ExitCode go() {
    world_ = open_world(layout_, config_.distributed, layout_.alone() ? torch::kCPU : device_of(config_.train, layout_));
    if (options_.dry_run) return dry_run();
    on_first(*world_, [&] { folder_.emplace(run_, !resumes_in_place(run_, options_.resume)); });
    log_to_file(run_ / (world_->is_first() ? "log.txt" : "log.rank_" + std::to_string(world_->rank()) + ".txt"));
    const torch::Device device = choose_device(config_.train, layout_);
    const auto checkpoint = agreed_checkpoint();
    Session session;
    on_all(
        *world_, [&] { session = open(device, checkpoint ? checkpoint->folder : fs::path()); },
        config_.distributed.setup_timeout);
    introduce(*world_, introduction(config_, session));
    return Run(config_, options_, fault_, std::move(session), checkpoint).go();
  }

 private:
  ExitCode dry_run() {
    Session session = open_session(config_, world_, choose_device(config_.train, layout_), "");
    print_plan(config_, session);
    spdlog::info("--dry-run: everything opens; nothing was trained or written");
    return ExitCode::kDone;
  }

  /// The one that rank 0 finds: on a shared file system the others might still see another.
  std::optional<Checkpoint> agreed_checkpoint() {
    std::optional<Checkpoint> checkpoint;
    const std::string folder = words_of_first(*world_, [&] {
      checkpoint = checkpoint_to_resume(config_, options_);
      if (checkpoint) check_same_config(config_, *checkpoint);
      return checkpoint ? checkpoint->folder.string() : "";
    });
    if (!world_->is_first() && !folder.empty()) checkpoint = open_checkpoint(folder);
    return checkpoint;
  }

  Session open(torch::Device device, const fs::path& checkpoint) {
    return open_session(config_, world_, device, run_ / "bad_samples.txt", checkpoint);
  }

  const RunConfig& config_;
  const TrainOptions& options_;
  const Layout& layout_;
  const Fault fault_;
  const fs::path run_;
  std::shared_ptr<World> world_;
  std::optional<RunFolder> folder_;  ///< rank 0's
};

}  // namespace

ExitCode train(const RunConfig& config, const TrainOptions& options) {
  use_reusable_cpu_memory();
  fix_thread_count();
  at::globalContext().setDeterministicAlgorithms(config.train.deterministic, /*warn_only=*/false);
  const UseKernels kernels(config.train.kernels);
  const Layout layout = find_layout(config.distributed, process_environment());
  if (!layout.is_first()) log_to_file_only();
  return as_a_rank("fsc-train", layout, [&] { return Begin(config, options, layout).go(); });
}

}  // namespace fsc
