// What a checkpoint holds of a run: weights, optimizer, loss scale, average, and the guard's memory.
#include "train/detail_store.h"

#include <spdlog/spdlog.h>

#include "fsc/core/atomic_file.h"
#include "fsc/core/clock.h"
#include "fsc/core/log.h"
#include "fsc/dist/together.h"
#include "fsc/io/checkpoint_file.h"
#include "fsc/io/safetensors.h"
#include "train/detail_optimizer_shards.h"
#include "train/detail_resume.h"

namespace fsc::detail {
namespace fs = std::filesystem;

StateDict checkpoint_weights(const fs::path& checkpoint) { return read_checkpoint_file(checkpoint / kModelFile).state; }

void restore_weights(Session& session, const fs::path& checkpoint) {
  ClipModelImpl& model = *session.learner.model;
  if (session.lora)
    resume_lora(model, checkpoint, *session.lora);
  else
    load_state(model, checkpoint_weights(checkpoint), (checkpoint / kModelFile).string());
}

Store::Store(const RunConfig& config, Session& session, const Guard* guard)
    : config_(config), session_(session), guard_(guard), folder_(config.output.dir) {}

std::string Store::yaml() const {
  RunConfig copy = config_;
  return config::to_yaml(config::fields_of(copy));
}

void Store::write_config() const {
  on_first(session_.world(), [&] { write_file_atomic(folder_ / "config.yaml", yaml()); });
}

void Store::save(const TrainState& state) {
  const Learner& learner = session_.learner;
  StateDict optimizer;
  if (learner.shards)
    optimizer = learner.shards->gather(*learner.optimizer);
  else
    learner.optimizer->save(optimizer);
  learner.scaler->save(optimizer);
  on_first(
      session_.world(), [&] { write(state, optimizer); }, config_.distributed.checkpoint_timeout);
  saved_step_ = state.step;
}

void Store::write(const TrainState& state, const StateDict& optimizer) const {
  const auto begin = Clock::now();
  save_checkpoint(folder_,
                  {.folder = {},
                   .state = state,
                   .config_yaml = yaml(),
                   .data_fingerprint = session_.loader->fingerprint(),
                   .config_sha256 = config_hash(config_),
                   .guard = guard_ ? guard_->state() : ""},
                  session_.to_save(), optimizer, config_.output.keep_last,
                  session_.average ? session_.average->state() : StateDict(),
                  guard_ ? guard_->kept_steps() : std::set<int64_t>());
  spdlog::info("saved {}/checkpoints/step_{} in {}", folder_.string(), state.step, format_duration(seconds_since(begin)));
}

TrainState Store::restore(const Checkpoint& checkpoint) {
  check_same_data(config_, checkpoint, session_.loader->fingerprint());
  restore_weights(session_, checkpoint.folder);
  const fs::path optimizer_file = checkpoint.folder / kOptimizerFile, average_file = checkpoint.folder / kAverageFile;
  const StateDict optimizer = read_safetensors(optimizer_file);
  session_.learner.optimizer->load(optimizer, optimizer_file.string());
  session_.learner.scaler->load(optimizer);
  if (session_.average) session_.average->load(read_safetensors(average_file), average_file.string());
  if (is_checkpoint_of(folder_, checkpoint.folder)) saved_step_ = checkpoint.state.step;
  return checkpoint.state;
}

void Store::make_own(const Checkpoint& checkpoint) {
  if (!is_checkpoint_of(folder_, checkpoint.folder)) save(checkpoint.state);
}

TrainState Store::restore_best() { return restore(open_checkpoint(guard_->best_checkpoint())); }

TrainState Store::go_back() {
  on_first(session_.world(), [&] { remove_checkpoints_after(folder_, guard_->best_step()); });
  return restore_best();
}

}  // namespace fsc::detail
