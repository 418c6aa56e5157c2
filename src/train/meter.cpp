// Reads verdicts back now and then, turns windows of steps into rates, and words what the log says of them.
#include "train/detail_meter.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>

#include "fsc/core/error.h"
#include "fsc/dist/together.h"

namespace fsc::detail {
namespace {

constexpr size_t kMostPending = 32;  // verdicts that wait on a GPU

double peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

}  // namespace

Meter::Meter(const RunConfig& config, const Session& session, TrainState& state)
    : config_(config),
      session_(session),
      state_(state),
      folder_(config.output.dir),
      input_(*session.feed, config.data),
      stragglers_(session.world()),
      first_step_(state.step),
      window_first_(state.step) {
  drop_later_lines();
}

void Meter::start() {
  open_window();
  started_ = window_start_;
  first_step_ = window_first_;
}

void Meter::step(StepReport report, std::vector<std::string> keys, double lr) {
  pending_.push_back({state_.step, std::move(report), std::move(keys)});
  const bool log_now = state_.step % config_.output.log_every_steps == 0 || state_.step == session_.total_steps;
  // On the CPU reading back costs nothing; a GPU is asked only now and then.
  if (log_now || session_.learner.device.is_cpu() || pending_.size() >= kMostPending) read_back();
  if (log_now) write_line(lr);
  progress_.show(progress_text());
}

void Meter::read_back() {
  for (const auto& pending : pending_) {
    last_loss_ = pending.report.losses.total.item<double>();
    if (pending.report.verdict.skipped.item<double>() == 0)
      state_.skipped_in_a_row = 0;
    else
      count_skipped(pending);
  }
  if (!pending_.empty()) last_ = std::move(pending_.back());
  pending_.clear();
}

/// A streak of them ends the run; the last good checkpoint stays.
void Meter::count_skipped(const Pending& pending) {
  ++state_.skipped_total;
  ++state_.skipped_in_a_row;
  spdlog::warn("step {}: a gradient is not finite (loss {}); the weights were left alone. {}", pending.step, last_loss_,
               culprits(pending));
  if (state_.skipped_in_a_row >= config_.optim.max_skipped_steps)
    throw Error(std::to_string(state_.skipped_in_a_row) +
                " steps in a row had a gradient that is not finite (optim.max_skipped_steps), the last one step " +
                std::to_string(pending.step) +
                "; lower optim.lr, set optim.grad_clip, or use another train.precision. Checkpoints in " +
                (folder_ / "checkpoints").string() + " are as they were");
}

/// Whose samples they were: of several ranks those whose own loss is not finite, or all where it is so nowhere.
std::string Meter::culprits(const Pending& pending) const {
  std::string keys;
  for (const auto& key : pending.keys) keys += (keys.empty() ? "" : ", ") + key;
  World& world = session_.world();
  if (world.size() == 1) return "Its samples: " + keys;
  const bool finite = pending.report.own_loss.isfinite().item<bool>();
  const auto words = world.channel().all_gather((finite ? "+" : "-") + keys);
  const bool all = std::all_of(words.begin(), words.end(), [](const std::string& one) { return one[0] == '+'; });
  std::string text;
  for (size_t rank = 0; rank < words.size(); ++rank)
    if (all || words[rank][0] == '-') text += fmt::format("{}rank {}: {}", text.empty() ? "" : "; ", rank, words[rank].substr(1));
  return (all ? "The ranks' own losses are finite. Samples of " : "The loss is not finite on ") + text;
}

void Meter::write_line(double lr) {
  const double steps = static_cast<double>(state_.step - window_first_), seconds = seconds_since(window_start_);
  Metrics m;
  m.step = state_.step;
  m.epoch = epoch();
  m.samples = state_.step * config_.train.samples_per_step();
  m.loss = last_loss_;
  for (const auto& [name, value] : last_.report.losses.terms) m.terms.emplace_back(name, value.item<double>());
  m.lr = lr;
  m.logit_scale = last_.report.logit_scale.item<double>();
  m.grad_norm = last_.report.verdict.grad_norm.item<double>();
  m.step_seconds = seconds / steps;
  m.data_seconds = data_seconds_ / steps;
  m.samples_per_second = static_cast<double>(config_.train.samples_per_step()) / m.step_seconds;
  const RankTimes times = stragglers_.look(state_.step, state_.step - window_first_, seconds);
  m.comm_seconds = times.waited_seconds;
  const double ranks = static_cast<double>(session_.world().size());
  for (const double own : times.own_seconds)
    m.rank_samples_per_second.push_back(static_cast<double>(config_.train.samples_per_step()) / ranks / own);
  on_first(session_.world(), [&] { log_->write(m); });
  last_metrics_ = m;
  log_step_line(line_text(m));
  input_.step(state_.step);
  total_data_seconds_ += data_seconds_;
  open_window();
}

void Meter::open_window() {
  data_seconds_ = 0;
  stragglers_.begin();
  window_start_ = Clock::now();
  window_first_ = state_.step;
}

int64_t Meter::epoch() const { return (state_.step - 1) / session_.loader->batches_per_epoch(); }

std::string Meter::line_text(const Metrics& m) const {
  std::string terms;
  for (const auto& [name, value] : m.terms) terms += fmt::format(" {} {:.4f}", name, value);
  std::string others;
  if (!m.rank_samples_per_second.empty()) {
    const auto [least, most] = std::minmax_element(m.rank_samples_per_second.begin(), m.rank_samples_per_second.end());
    others = fmt::format(" comm {:.0f}% (a rank alone {:.1f} to {:.1f})", 100 * m.comm_seconds / m.step_seconds, *least, *most);
  }
  return fmt::format("step {}/{} epoch {} loss {:.4f}{} lr {:.2e} {:.1f} samples/s data {:.0f}%{} ETA {}", m.step,
                     session_.total_steps, m.epoch, m.loss, terms, m.lr, m.samples_per_second,
                     100 * m.data_seconds / m.step_seconds, others, format_duration(eta()));
}

std::string Meter::progress_text() const {
  Metrics m = last_metrics_;
  m.step = state_.step;
  m.epoch = epoch();
  m.loss = last_loss_;
  if (m.step_seconds == 0) return fmt::format("step {}/{} loss {:.4f}", m.step, session_.total_steps, m.loss);
  return line_text(m);
}

double Meter::eta() const {
  const double done = static_cast<double>(state_.step - first_step_);
  return done > 0 ? seconds_since(started_) / done * static_cast<double>(session_.total_steps - state_.step) : 0;
}

void Meter::leave_out(Clock::duration time, double waited_seconds) {
  stragglers_.leave_out(waited_seconds);
  started_ += time;
  window_start_ += time;
}

void Meter::went_back(int64_t from) {
  first_step_ += state_.step - from;
  open_window();
}

void Meter::drop_later_lines() {
  if (session_.world().is_first()) log_ = std::make_unique<RunLog>(folder_, state_.step, config_.output.tensorboard);
}

void Meter::say_totals() const {
  const int64_t steps = state_.step - first_step_;
  if (steps > 0) {
    const double seconds = seconds_since(started_), samples = static_cast<double>(steps * config_.train.samples_per_step());
    const LoaderStats stats = session_.feed->stats();
    spdlog::info("{} steps in {}: {:.2f} s a step, {:.1f} samples/s, {:.1f}% of it waiting for data, peak memory {}", steps,
                 format_duration(seconds), seconds / static_cast<double>(steps), samples / seconds,
                 100 * total_data_seconds_ / seconds, format_bytes(peak_memory_bytes()));
    spdlog::info(
        "texts: {}, cut at the context length: {}, mojibake left as it is: {}, invalid UTF-8: {}; bad samples: {}; skipped "
        "steps: {}",
        stats.texts, stats.truncated, stats.mojibake, stats.invalid_utf8, stats.bad_samples, state_.skipped_total);
  } else {
    spdlog::info("the run was complete already: {} steps", state_.step);
  }
  input_.finish();
}

}  // namespace fsc::detail
