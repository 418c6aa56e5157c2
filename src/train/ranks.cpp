// Agreement of a run's ranks, and the trouble that is made on purpose.
#include "train/detail_ranks.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <torch/version.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "fsc/core/clock.h"
#include "fsc/core/digest.h"
#include "fsc/dist/together.h"
#include "fsc/weights/state_hash.h"
#include "train/detail_resume.h"

namespace fsc::detail {
namespace {

constexpr double kSlow = 1.5, kNotWorthAWord = 0.1;  // times the median; seconds beyond it

std::vector<std::pair<std::string, torch::Tensor>> tensors_of(const ClipModelImpl& model) {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
  for (const auto& item : model.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : model.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

std::string ranks_text(const std::vector<size_t>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return text;
}

/// Ranks whose words are not rank 0's.
std::vector<size_t> others_than_first(const std::vector<std::string>& words) {
  std::vector<size_t> ranks;
  for (size_t rank = 1; rank < words.size(); ++rank)
    if (words[rank] != words[0]) ranks.push_back(rank);
  return ranks;
}

}  // namespace

void share_weights(World& world, ClipModelImpl& model) {
  if (world.size() == 1) return;
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : tensors_of(model)) world.broadcast(tensor.detach());
}

void check_same_weights(World& world, const ClipModelImpl& model, int64_t step) {
  if (world.size() == 1) return;
  std::string all;
  const auto tensors = tensors_of(model);
  std::vector<std::string> digests;
  for (const auto& [name, tensor] : tensors) all += digests.emplace_back(tensor_hash(tensor));
  if (others_than_first(world.channel().all_gather(sha256_hex(all))).empty()) return;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto differ = others_than_first(world.channel().all_gather(digests[i]));
    if (!differ.empty())
      throw Error(fmt::format(
          "after step {} the weights {} of {} are not those of rank 0 (distributed.check_every): a memory or network fault, or "
          "different libraries; go on from the last checkpoint with --resume auto",
          step, tensors[i].first, ranks_text(differ)));
  }
}

Introduction introduction(const RunConfig& config, const Session& session) {
  return {.version = TORCH_VERSION,
          .config_hash = config_hash(config),
          .data = session.loader->fingerprint(),
          .device = session.learner.device.is_cuda() ? "cuda" : "cpu",
          .parameters = session.learner.model->parameter_count(),
          .batch_size = config.train.samples_per_step()};
}

RankTimes Stragglers::look(int64_t step, int64_t steps, double seconds) const {
  const double waited = world_.waited_seconds() - waited_;
  if (world_.size() == 1) return {};
  const double own = (seconds - waited) / static_cast<double>(steps);
  RankTimes times{.waited_seconds = waited / static_cast<double>(steps), .own_seconds = {}};
  std::vector<double>& all = times.own_seconds;
  for (const auto& words : world_.channel().all_gather(fmt::format("{:.9g}", own))) all.push_back(std::stod(words));
  std::vector<double> sorted = all;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2), sorted.end());
  const double median = sorted[(sorted.size() - 1) / 2];
  const auto slowest = std::max_element(all.begin(), all.end());
  if (world_.is_first() && *slowest > kSlow * median && *slowest - median > kNotWorthAWord)
    spdlog::warn("step {}: rank {} is slow: {:.2f} s of its own a step, {:.1f} times the median; all wait for it", step,
                 slowest - all.begin(), *slowest, *slowest / median);
  return times;
}

Fault Fault::parse(const std::string& text) {
  constexpr std::pair<const char*, Kind> kKinds[] = {
      {"kill", Kind::kKill}, {"stop", Kind::kStop}, {"slow", Kind::kSlow}, {"full-disk", Kind::kFullDisk}, {"term", Kind::kTerm}};
  if (text.empty()) return {};
  const size_t at = text.find('@'), colon = text.find(':');
  Fault fault;
  for (const auto& [name, kind] : kKinds)
    if (text.substr(0, at) == name) fault.kind = kind;
  const auto number = [&](size_t from, size_t to, int64_t& value) {
    const char *begin = text.data() + from, *end = text.data() + std::min(to, text.size());
    const auto result = std::from_chars(begin, end, value);
    return result.ec == std::errc() && result.ptr == end && value >= 0;
  };
  const bool fine = fault.kind != Kind::kNone && at != std::string::npos && number(at + 1, colon, fault.step) &&
                    (colon == std::string::npos || number(colon + 1, text.size(), fault.rank));
  if (!fine)
    throw UsageError("--simulate-fault " + text + ": give kill, stop, slow, full-disk or term, then @STEP or @STEP:RANK");
  if (fault.rank < 0 && fault.kind == Kind::kFullDisk) fault.rank = 0;
  return fault;
}

void Fault::strike(const World& world, int64_t done) const {
  if (kind == Kind::kNone || world.rank() != (rank < 0 ? world.size() - 1 : rank)) return;
  if (kind == Kind::kSlow && done >= step) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  if (done != step) return;
  spdlog::warn("--simulate-fault: it strikes rank {} at step {}", world.rank(), done);
  if (kind == Kind::kKill) ::raise(SIGKILL);
  if (kind == Kind::kStop) ::raise(SIGSTOP);
  if (kind == Kind::kTerm) ::raise(SIGTERM);
  if (kind == Kind::kFullDisk) {
    const rlimit none{0, RLIM_INFINITY};  // a write beyond the limit fails like one on a full disk
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
}

}  // namespace fsc::detail
