// Checkpoint folders: written whole or not at all, verified by digest when read.
#include "fsc/train/checkpoint.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/model_folder.h"

namespace fsc {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr int kFormat = 2;
constexpr const char* kVerified[] = {kModelFile, kLoraFile, kModelConfigFile, kOptimizerFile, kAverageFile};

/// The N of step_N, -1 for other names.
int64_t step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  int64_t step = -1;
  if (name.rfind("step_", 0) != 0) return -1;
  const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

void remove_checkpoint(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) spdlog::warn("cannot remove the old checkpoint {}: {}", folder.string(), error.message());
}

void remove_old(const fs::path& run, int64_t keep_last, const std::set<int64_t>& keep) {
  const auto folders = list_checkpoints(run);
  for (size_t i = static_cast<size_t>(keep_last); keep_last > 0 && i < folders.size(); ++i)
    if (keep.count(step_of(folders[i])) == 0) remove_checkpoint(folders[i]);
}

/// `path`, or where that exists path-2, path-3, ...
fs::path free_name(const fs::path& path) {
  fs::path name = path;
  for (int n = 2; fs::exists(name); ++n) name = path.string() + "-" + std::to_string(n);
  return name;
}

void move_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw_io_error(from, "rename", error.value());
}

}  // namespace

void save_checkpoint(const fs::path& run, const Checkpoint& checkpoint, ModelToSave model, const StateDict& optimizer,
                     int64_t keep_last, const StateDict& average, const std::set<int64_t>& keep) {
  model.provenance = {.step = checkpoint.state.step, .config_sha256 = checkpoint.config_sha256};
  const fs::path folder = run / "checkpoints" / ("step_" + std::to_string(checkpoint.state.step));
  make_directories(folder.parent_path());
  write_directory_atomic(folder, [&](const fs::path& dir) {
    write_model(dir, model);
    write_safetensors(dir / kOptimizerFile, optimizer);
    if (average.size() > 0) write_safetensors(dir / kAverageFile, average);
    json files;
    for (const char* name : kVerified)
      if (fs::exists(dir / name)) files[name] = sha256_file(dir / name);
    const TrainState& s = checkpoint.state;
    const json state = {{"format", kFormat},
                        {"step", s.step},
                        {"epoch", s.data.epoch},
                        {"draw", s.data.draw},
                        {"skipped_in_a_row", s.skipped_in_a_row},
                        {"skipped_total", s.skipped_total},
                        {"loader", s.data.state},
                        {"data_fingerprint", checkpoint.data_fingerprint},
                        {"config", checkpoint.config_yaml},
                        {"guard", checkpoint.guard},
                        {"sha256", files}};
    write_file_atomic(dir / kStateFile, state.dump(2) + "\n");
  });
  remove_old(run, keep_last, keep);
}

void remove_checkpoints_after(const fs::path& run, int64_t step) {
  for (const auto& folder : list_checkpoints(run))
    if (step_of(folder) > step) remove_checkpoint(folder);
}

bool is_checkpoint_of(const fs::path& run, const fs::path& folder) {
  const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
  std::error_code error;
  return step_of(folder) >= 0 && fs::equivalent(parent, run / "checkpoints", error);
}

void set_aside_others(const fs::path& run, const Checkpoint& accepted) {
  const bool own = is_checkpoint_of(run, accepted.folder);
  const fs::path checkpoints = run / "checkpoints";
  fs::path left;
  for (const auto& folder : list_checkpoints(run)) {
    if (own && step_of(folder) <= accepted.state.step) continue;
    if (std::find(accepted.damaged.begin(), accepted.damaged.end(), folder) != accepted.damaged.end()) {
      const fs::path name = free_name(folder.string() + ".damaged");
      move_folder(folder, name);
      spdlog::warn("the damaged checkpoint is now {}; nothing deletes it", name.string());
      continue;
    }
    if (left.empty()) {
      left = free_name(checkpoints / ("left_at_step_" + std::to_string(accepted.state.step)));
      make_directories(left);
      std::error_code none_there;
      fs::copy_file(run / "metrics.jsonl", left / "metrics.jsonl", none_there);
    }
    move_folder(folder, left / folder.filename());
    spdlog::warn("{} does not belong to what follows step {}: it is now {}; nothing deletes it", folder.filename().string(),
                 accepted.state.step, (left / folder.filename()).string());
  }
  if (fs::exists(checkpoints)) sync_path(checkpoints);
}

Checkpoint open_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.folder = folder;
  json files;
  try {
    const json state = json::parse(read_file(folder / kStateFile));
    if (state.at("format").get<int>() != kFormat)
      throw Error((folder / kStateFile).string() + " has format " + state.at("format").dump() + "; this program reads format " +
                  std::to_string(kFormat));
    TrainState& s = checkpoint.state;
    s.step = state.at("step");
    s.data = {.batch = s.step, .epoch = state.at("epoch"), .draw = state.at("draw"), .state = state.at("loader")};
    s.skipped_in_a_row = state.at("skipped_in_a_row");
    s.skipped_total = state.at("skipped_total");
    checkpoint.config_yaml = state.at("config");
    checkpoint.data_fingerprint = state.at("data_fingerprint");
    checkpoint.guard = state.value("guard", "");
    files = state.at("sha256");
    const char* weights = files.contains(kLoraFile) ? kLoraFile : kModelFile;
    for (const char* name : kVerified) {
      const bool needed =
          name == weights || name == std::string_view(kModelConfigFile) || name == std::string_view(kOptimizerFile);
      if (!needed && !files.contains(name)) continue;
      if (files.at(name).get<std::string>() != sha256_file(folder / name))
        throw Error((folder / name).string() + " is damaged: its SHA-256 is not the one " + kStateFile + " has");
    }
  } catch (const json::exception&) {
    throw Error((folder / kStateFile).string() + " is damaged: it is not the JSON that fsc-train writes");
  }
  return checkpoint;
}

std::vector<fs::path> list_checkpoints(const fs::path& run) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", error))
    if (step_of(entry.path()) >= 0) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) { return step_of(a) > step_of(b); });
  return folders;
}

std::optional<Checkpoint> find_checkpoint(const fs::path& where) {
  if (fs::exists(where / kStateFile) || step_of(where) >= 0) return open_checkpoint(where);
  const auto folders = list_checkpoints(where);
  std::string last;
  std::vector<fs::path> damaged;
  for (const auto& folder : folders) {
    try {
      Checkpoint checkpoint = open_checkpoint(folder);
      checkpoint.damaged = std::move(damaged);
      return checkpoint;
    } catch (const Error& error) {
      last = error.what();
      damaged.push_back(folder);
      spdlog::warn("the checkpoint {} cannot be used, trying the one before: {}", folder.string(), last);
    }
  }
  if (!folders.empty()) throw Error("no checkpoint of " + where.string() + " is whole; the last problem: " + last);
  return std::nullopt;
}

}  // namespace fsc
