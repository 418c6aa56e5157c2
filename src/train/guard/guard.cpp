// The guard's decisions over the course of a run; the rules themselves are in guard_rules.cpp.
#include <spdlog/spdlog.h>

#include <cmath>

#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/dist/together.h"
#include "fsc/eval/embedder.h"
#include "fsc/model/cost.h"
#include "train/guard/detail_guard.h"
#include "train/guard/detail_guard_sight.h"

namespace fsc::detail {
namespace fs = std::filesystem;
namespace {

/// "synthetic_zeroshot 61.50 (-5.75, 95% -9.31 to -2.12)"
std::string change_text(const ScoreChange& score) {
  return fmt::format("{} {:.2f} ({:+.2f}, 95% {:+.2f} to {:+.2f})", score.name, score.score, score.change.value,
                     score.change.interval.low, score.change.interval.high);
}

}  // namespace

std::unique_ptr<Guard> open_guard(const RunConfig& config, const Session& session, const ProbeSuite& default_suite) {
  if (!config.guard.is_on()) return nullptr;
  SuiteConfig suite;
  const auto find_suite = [&] { suite = suite_of_probe(config.guard, config.output.dir, default_suite); };
  on_first(session.world(), [&] { find_suite(); });  // it may have to make the synthetic world
  on_all(session.world(), [&] {
    if (!session.world().is_first()) find_suite();
  });
  return std::make_unique<Guard>(config, session, std::make_unique<Probe>(suite, config.guard.items, session.learner.world));
}

Guard::Guard(const RunConfig& config, const Session& session, std::unique_ptr<const Probe> probe)
    : run_config_(config),
      config_(config.guard),
      session_(session),
      limit_{config.guard.max_drop, config.guard.decide},
      run_(config.output.dir),
      probe_(std::move(probe)),
      every_(config.guard.every_steps) {
  bound_cost();
  started_ = Clock::now();
}

/// By counting multiply-adds, not by a clock: the interval decides where the run stops or turns back, and a run must repeat.
void Guard::bound_cost() {
  const ArchConfig& arch = session_.learner.model->arch();
  const double probe_tokens = static_cast<double>(probe_->tokens(*session_.tokenizer, arch.text.context_length));
  const double probe_work = forward_work(arch, static_cast<double>(probe_->images()), probe_tokens);
  const double images = static_cast<double>(run_config_.train.samples_per_step());
  const double texts = images * static_cast<double>(1 + session_.loader->negatives_per_caption());
  const double tokens = texts * probe_tokens / static_cast<double>(probe_->texts());
  // A backward pass is twice the forward one; without gradients of the weights (LoRA) about as much, of a frozen tower nothing.
  const double factor = run_config_.model.lora.is_on() ? 2 : 3;
  const double step_work = (run_config_.model.lock_image ? 1 : factor) * forward_work(arch, images, 0) +
                           (run_config_.model.lock_text ? 1 : factor) * forward_work(arch, 0, tokens);
  every_ = stretched_interval(config_.every_steps, config_.budget, probe_work, step_work);
  spdlog::info(
      "guard: a probe costs about {:.2f} steps' work and is scored every {} steps; limit {:g} points (guard.decide {}), action "
      "{}",
      probe_work / step_work, every_, config_.max_drop, config::enum_name(config_.decide), config::enum_name(config_.action));
  if (every_ > config_.every_steps)
    spdlog::info(
        "guard: that is not every {} steps (guard.every_steps), which would cost more than {:g}% of the training (guard.budget); "
        "fewer guard.items, or a higher budget, allow it",
        config_.every_steps, 100 * config_.budget);
}

bool Guard::due(int64_t step) const { return step % every_ == 0 || step == session_.total_steps; }

Outcomes Guard::score_together() const {
  const Outcomes here =
      probe_->score({session_.identity, session_.learner.model}, *session_.tokenizer, session_.learner.precision);
  return outcomes_from(words_of_first(session_.world(), [&] { return to_text(here); }));
}

ProbePoint Guard::score(int64_t step) {
  const auto begin = Clock::now();
  ProbePoint point;
  try {
    const Outcomes now = score_together();
    if (base_.empty()) base_ = now;
    point = make_point(step, base_, now);
  } catch (const NotFiniteError& error) {
    if (base_.empty()) throw;
    spdlog::warn("guard: {}; every item of the probe counts as wrong, and all as forgotten", error.what());
    point = make_point(step, base_, all_wrong(base_));
    point.forgetting = point.certain = 100;  // beyond any limit, however few items there are
  }
  seconds_ += seconds_since(begin);
  ++scored_;
  return point;
}

void Guard::say_sight() const {
  for (const auto kind : {TaskKind::kZeroShot, TaskKind::kRetrieval}) {
    if (!kind_change(base_, base_, kind)) continue;
    const Sight sight = sight_of(base_, kind, limit_, config_.items);
    spdlog::log(sight.enough ? spdlog::level::info : spdlog::level::warn, "guard: {}", sight.text);
  }
}

GuardVerdict Guard::probe(int64_t step) {
  const double before = seconds_;
  points_.push_back(score(step));
  log_point(points_.back(), seconds_ - before);
  if (points_.size() == 1) say_sight();
  GuardVerdict verdict;
  for (const auto& kind : points_.back().kinds) verdict.scalars.emplace_back("guard/" + kind.name, kind.score);
  verdict.scalars.emplace_back("guard/forgetting", points_.back().forgetting);
  decide(verdict);
  verdict.save =
      verdict.next == GuardVerdict::Next::kStop || (verdict.next == GuardVerdict::Next::kGoOn && kept_steps().count(step) > 0);
  write_files();
  return verdict;
}

void Guard::decide(GuardVerdict& verdict) {
  const ProbePoint& point = points_.back();
  warn_of_crossings(point);
  if (!limit_.broken_by(point)) return;
  if (config_.action != GuardAction::kStop && config_.action != GuardAction::kRollback) return;
  const int64_t best = best_step();
  if (config_.action == GuardAction::kStop || rollbacks_ == config_.max_rollbacks) {
    stopped_ = true;
    verdict.next = GuardVerdict::Next::kStop;
    spdlog::warn(
        "guard: the run stops at step {}{}; its result is step {}, the best composition that kept the limit", point.step,
        config_.action == GuardAction::kRollback ? fmt::format(" after {} rollbacks (guard.max_rollbacks)", rollbacks_) : "",
        best);
    return;
  }
  const int64_t from = point.step;
  for (auto& one : points_)
    if (one.step > best) one.abandoned = true;
  ++rollbacks_;
  over_.clear();
  verdict.next = GuardVerdict::Next::kRollBack;
  spdlog::warn(
      "guard: back from step {} to step {}, the best composition that kept the limit, with {:g} times the learning rate "
      "(rollback {} of {})",
      from, best, lr_factor(), rollbacks_, config_.max_rollbacks);
}

/// A kind that stays beyond the limit is told once, one that comes back and crosses it again is told again.
void Guard::warn_of_crossings(const ProbePoint& point) {
  for (const auto& kind : point.kinds) {
    if (kind.name == kind_name(TaskKind::kComposition)) continue;
    const bool over = limit_.broken_by(kind.change);
    if (over && !over_[kind.name])
      spdlog::warn(
          "guard: {} has lost {:.2f} points against step 0, {}more than {:g} (guard.max_drop)", kind.name, -kind.change.value,
          config_.decide == GuardDecide::kInterval ? fmt::format("{:.2f} of them for certain, ", -kind.change.interval.high) : "",
          config_.max_drop);
    if (!over && over_[kind.name]) spdlog::info("guard: {} is within the limit again", kind.name);
    over_[kind.name] = over;
  }
}

void Guard::log_point(const ProbePoint& point, double seconds) const {
  spdlog::info("guard: step {}, {} images and {} texts in {}{}", point.step, probe_->images(), probe_->texts(),
               format_duration(seconds), share_text());
  for (size_t i = 0; i < point.tasks.size(); ++i)
    spdlog::info("guard:   {:<11} {}", kind_name(base_[i].kind), change_text(point.tasks[i]));
  if (point.tasks.size() == point.kinds.size()) return;
  for (const auto& kind : point.kinds) spdlog::info("guard:   mean of      {}", change_text(kind));
}

std::string Guard::share_text() const {
  const double training = seconds_since(started_) - seconds_;
  return scored_ < 2 || training <= 0 ? "" : fmt::format("; all probes {:.1f}% of the training time", 100 * seconds_ / training);
}

void Guard::log_cost() const {
  if (scored_ > 0) spdlog::info("guard: {} probes in {}{}", scored_, format_duration(seconds_), share_text());
}

double Guard::lr_factor() const { return std::pow(config_.rollback_lr_factor, static_cast<double>(rollbacks_)); }

int64_t Guard::best_step() const { return points_[best_within(points_, limit_)].step; }

std::set<int64_t> Guard::kept_steps() const {
  std::set<int64_t> steps = {0};  // where wise-ft's path begins and the last resort of a rollback
  if (points_.empty()) return steps;
  const size_t best = best_within(points_, limit_);
  steps.insert(points_[best].step);
  for (const size_t i : thin_front(points_, pareto_front(points_), static_cast<size_t>(config_.keep), best))
    steps.insert(points_[i].step);
  return steps;
}

double Guard::choose_alpha(const std::function<void(double alpha)>& move_to) {
  TORCH_CHECK(!points_.empty(), "the end was not scored");
  alphas_.clear();
  const double alpha = largest_alpha(config_.alphas, [&](double at) {
    if (at < 1) move_to(at);
    alphas_.push_back({at, at < 1 ? score(session_.total_steps) : points_.back()});  // the last probe was of the end
    const ProbePoint& point = alphas_.back().point;
    spdlog::info("guard: alpha {:g}: composition {:.2f}, forgetting {:.2f} (at least {:.2f}){}", at, point.composition,
                 point.forgetting, point.certain, at == 1 ? "; the end of the run" : "");
    return !limit_.broken_by(point);
  });
  chosen_ = alpha;
  if (limit_.broken_by(alphas_.back().point))
    spdlog::warn(
        "guard: even alpha 0, the model that the run began from, is beyond the limit of {:g} points against step 0; it is the "
        "result all the same",
        config_.max_drop);
  else
    spdlog::info(
        "guard: the result is alpha {:g} between the start and the end of the run, the largest of 0, 1/{}, ... 1 that keeps the "
        "limit of {:g} points",
        alpha, config_.alphas, config_.max_drop);
  write_files();
  return alpha;
}

fs::path Guard::checkpoint_of(int64_t step) const { return run_ / "checkpoints" / ("step_" + std::to_string(step)); }

}  // namespace fsc::detail
