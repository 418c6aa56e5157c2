// A world of several processes over c10d: tensors by Gloo on the CPU and by NCCL on CUDA, words by Gloo.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "dist/detail_connection.h"
#include "dist/detail_pulse.h"
#include "dist/detail_world.h"
#include "fsc/core/clock.h"

namespace fsc {
namespace {

using detail::BackendPtr;
using Works = std::vector<c10::intrusive_ptr<c10d::Work>>;

constexpr std::chrono::milliseconds kGroupsLimit{-1};  // what c10d takes for "as the group was made"

// Collectives are called below by the names that every supported torch has; newer ones forward them to others.

/// What several processes share to wait for each other and to tell who is lost.
class Waiting {
 public:
  /// `seconds`: where waits are added up; null = nowhere.
  Waiting(const World& world, detail::Pulse& pulse, const MeetingConfig& config, double* seconds)
      : world_(world), pulse_(pulse), timeout_(config.timeout), seconds_(seconds) {}

  /// Runs a part of a collective. LostRank in place of what c10d throws.
  template <class F>
  void run(F part) {
    const auto start = Clock::now();
    try {
      part();
    } catch (const std::exception& error) {
      lost(detail::words_of(error), seconds_since(start));
    }
    if (seconds_) *seconds_ += seconds_since(start);
  }

 private:
  std::string silent_of(const detail::Signs& signs) const {
    if (signs.store_gone && world_.layout().served_store) return "the launcher (whose store is gone)";
    if (signs.store_gone) return world_.name_of(0) + ", whose store is gone,";
    std::vector<std::string> names;
    for (const int64_t rank : signs.silent) names.push_back(world_.name_of(rank));
    return fmt::format("{}", fmt::join(names, ", "));
  }

  [[noreturn]] void lost(const std::string& words, double waited) const {
    const auto signs = pulse_.look();
    const std::string silent = silent_of(signs);
    const std::string after = fmt::format("after {:.1f} s of waiting ({})", waited, words);
    const bool several = signs.silent.size() > 1;
    if (!silent.empty()) throw LostRank(fmt::format("{} {} not answer, {}", silent, several ? "do" : "does", after));
    std::vector<std::string> late;
    for (const auto& [rank, steps] : signs.behind)
      late.push_back(fmt::format("{} lives but did not come: it is {} exchanges behind", world_.name_of(rank), steps));
    if (late.empty()) throw LostRank(fmt::format("all ranks live, but their connection broke {}", after));
    throw LostRank(fmt::format("{}, {}; distributed.timeout is {:g} s", fmt::join(late, "; "), after, timeout_));
  }

  const World& world_;
  detail::Pulse& pulse_;
  double timeout_;
  double* seconds_;
};

class GlooChannel final : public Channel {
 public:
  /// `pulse`: counts what the main thread does; null for other threads.
  GlooChannel(BackendPtr group, Waiting waiting, detail::Pulse* pulse)
      : group_(std::move(group)), waiting_(std::move(waiting)), pulse_(pulse) {}

  /// One exchange of short blocks, which hold all of most words, and a second where a rank has more to say.
  std::vector<std::string> all_gather(const std::string& words, double patience) override {
    if (pulse_) pulse_->count();
    const auto size = static_cast<int64_t>(words.size());
    std::string block(kBlock, '\0');
    std::memcpy(block.data(), &size, sizeof size);
    words.copy(block.data() + sizeof size, kBlock - sizeof size);
    std::vector<std::string> all = exchange(block, patience);
    std::vector<size_t> sizes;
    for (auto& one : all) {
      int64_t told = 0;
      std::memcpy(&told, one.data(), sizeof told);
      sizes.push_back(static_cast<size_t>(told));
      one.erase(0, sizeof told);
    }
    const size_t longest = *std::max_element(sizes.begin(), sizes.end());
    if (longest > kBlock - sizeof size) {
      std::string rest = words.substr(std::min(words.size(), kBlock - sizeof size));
      rest.resize(longest - (kBlock - sizeof size));
      const auto rests = exchange(rest, patience);
      for (size_t r = 0; r < all.size(); ++r) all[r] += rests[r];
    }
    for (size_t r = 0; r < all.size(); ++r) all[r].resize(sizes[r]);
    return all;
  }

 private:
  static constexpr size_t kBlock = 512;

  /// Blocks of one size.
  std::vector<std::string> exchange(std::string& block, double patience) {
    const auto length = static_cast<int64_t>(block.size());
    torch::Tensor own = torch::from_blob(block.data(), {length}, torch::kUInt8);
    torch::Tensor all = torch::empty({group_->getSize() * length}, torch::kUInt8);
    const c10d::AllgatherOptions options{.timeout = patience > 0 ? detail::milliseconds(patience) : kGroupsLimit};
    waiting_.run([&] { group_->_allgather_base(all, own, options)->wait(); });
    std::vector<std::string> blocks;
    const auto* bytes = reinterpret_cast<const char*>(all.const_data_ptr<uint8_t>());
    for (int64_t r = 0; r < group_->getSize(); ++r) blocks.emplace_back(bytes + r * length, block.size());
    return blocks;
  }

  BackendPtr group_;
  Waiting waiting_;
  detail::Pulse* pulse_;
};

class Flying final : public Pending {
 public:
  Flying(Works works, torch::Tensor tensor, Waiting& waiting)
      : works_(std::move(works)), tensor_(std::move(tensor)), waiting_(waiting) {}
  void wait() override {
    waiting_.run([&] {
      for (const auto& work : works_) work->wait();
    });
  }

 private:
  Works works_;
  torch::Tensor tensor_;  // must live as long as the work
  Waiting& waiting_;
};

/// Every rank's rows for this one, on their way; their sum once they are here.
class Gathering final : public Pending {
 public:
  Gathering(std::unique_ptr<Pending> rows, torch::Tensor rows_WN, torch::Tensor sum)
      : rows_(std::move(rows)), rows_WN_(std::move(rows_WN)), sum_(std::move(sum)) {}
  void wait() override {
    const torch::NoGradGuard no_grad;
    rows_->wait();
    sum_.copy_(rows_WN_.sum(0).view_as(sum_));
    rows_WN_ = torch::Tensor();
  }

 private:
  std::unique_ptr<Pending> rows_;
  torch::Tensor rows_WN_, sum_;
};

class C10dWorld final : public World {
 public:
  C10dWorld(const Layout& layout, const MeetingConfig& config, torch::Device device, detail::Connection connection)
      : World(layout, connection.hosts),
        config_(config),
        connection_(std::move(connection)),
        pulse_(connection_.store, layout.rank, layout.size),
        waiting_(*this, pulse_, config_, &waited_seconds_),
        channel_(group("words", 1), waiting_, &pulse_),
        tensors_(device.is_cuda() ? nccl_group(device) : group("tensors", 2)) {}

  torch::Tensor all_gather(const torch::Tensor& rows) override {
    torch::Tensor own = rows.detach().contiguous();
    auto shape = own.sizes().vec();
    TORCH_CHECK(!shape.empty(), "all_gather() needs rows");
    shape[0] *= size();
    torch::Tensor all = torch::empty(shape, own.options());
    if (all.numel() > 0) collective([&] { tensors_->_allgather_base(all, own)->wait(); });
    return all;
  }

  torch::Tensor reduce_scatter(const torch::Tensor& rows) override {
    torch::Tensor all = rows.detach().contiguous();
    auto shape = all.sizes().vec();
    TORCH_CHECK(!shape.empty() && shape[0] % size() == 0, "reduce_scatter() needs the same number of rows for each of ", size(),
                " ranks");
    shape[0] /= size();
    torch::Tensor own = torch::empty(shape, all.options());
    if (all.numel() > 0) sum_of_parts(own, all)->wait();
    return own;
  }

  std::unique_ptr<Pending> reduce_to_parts(torch::Tensor flat) override { return sum_of_parts(part_of(flat, rank()), flat); }

  std::unique_ptr<Pending> gather_parts(torch::Tensor flat) override {
    torch::Tensor own = part_of(flat, rank());
    Works works;
    collective([&] {
      if (flat.is_cuda()) {
        works.push_back(tensors_->_allgather_base(flat, own));
        return;
      }
      for (int64_t root = 0; root < size(); ++root) {  // in place, which Gloo's gathering is not
        std::vector<torch::Tensor> one = {part_of(flat, root)};
        works.push_back(tensors_->broadcast(one, {.rootRank = root, .rootTensor = 0}));
      }
    });
    return std::make_unique<Flying>(std::move(works), std::move(flat), waiting_);
  }

  std::unique_ptr<Pending> all_reduce(torch::Tensor flat) override {
    TORCH_CHECK(flat.is_contiguous() && !flat.requires_grad(), "all_reduce() needs contiguous values without a graph");
    std::vector<torch::Tensor> one = {flat};
    c10::intrusive_ptr<c10d::Work> work;
    collective([&] { work = tensors_->allreduce(one); });
    return std::make_unique<Flying>(Works{std::move(work)}, std::move(flat), waiting_);
  }

  void broadcast(torch::Tensor tensor, int64_t root) override {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> one = {tensor.detach().contiguous()};
    if (tensor.numel() == 0) return;
    collective([&] { tensors_->broadcast(one, {.rootRank = root, .rootTensor = 0})->wait(); });
    if (one[0].data_ptr() != tensor.data_ptr()) tensor.detach().copy_(one[0]);
  }

  torch::Tensor exchange(const torch::Tensor& sent, int64_t to, int64_t from) override {
    if (to == rank() && from == rank()) return sent;
    std::vector<torch::Tensor> out = {sent.detach().contiguous()}, in = {torch::empty_like(out[0])};
    collective([&] {
      const bool together = tensors_->supportsCoalescing();
      if (together) tensors_->startCoalescing();
      Works works = {tensors_->send(out, static_cast<int>(to), 0), tensors_->recv(in, static_cast<int>(from), 0)};
      if (together) works = {tensors_->endCoalescing()};
      for (const auto& work : works) work->wait();
    });
    return in[0];
  }

  Channel& channel() override { return channel_; }

  std::unique_ptr<Channel> open_channel(const std::string& name) override {
    return std::make_unique<GlooChannel>(group("channel/" + name, 1), Waiting(*this, pulse_, config_, nullptr), nullptr);
  }

 private:
  template <class F>
  void collective(F part) {
    pulse_.count();
    waiting_.run(part);
  }

  torch::Tensor part_of(const torch::Tensor& flat, int64_t rank) const {
    TORCH_CHECK(flat.is_contiguous() && flat.dim() == 1 && flat.size(0) % size() == 0 && !flat.requires_grad(),
                "parts are of contiguous values without a graph, the same number for each of ", size(), " ranks");
    const int64_t part = flat.size(0) / size();
    return flat.narrow(0, rank * part, part);
  }

  /// `own` becomes the sum over ranks of this one's part of `all`, where it may lie. Gloo's own way is an all-reduce of the
  /// whole, twice the volume; so there each rank is sent its parts, and adds them up in the order of ranks.
  std::unique_ptr<Pending> sum_of_parts(torch::Tensor own, torch::Tensor all) {
    c10::intrusive_ptr<c10d::Work> work;
    if (all.is_cuda()) {
      collective([&] { work = tensors_->_reduce_scatter_base(own, all); });
      return std::make_unique<Flying>(Works{std::move(work)}, std::move(all), waiting_);
    }
    torch::Tensor parts = torch::empty_like(all);
    std::vector<int64_t> equal_ones;
    collective([&] { work = tensors_->alltoall_base(parts, all, equal_ones, equal_ones); });
    auto rows = std::make_unique<Flying>(Works{std::move(work)}, std::move(all), waiting_);
    return std::make_unique<Gathering>(std::move(rows), parts.view({size(), -1}), std::move(own));
  }

  BackendPtr group(const std::string& name, int threads) const {
    return detail::gloo_group(connection_, layout_, name, threads, config_.setup_timeout, config_.timeout);
  }

  BackendPtr nccl_group([[maybe_unused]] torch::Device device) const {
#ifdef FSC_CUDA
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = detail::milliseconds(config_.timeout);
    auto store = c10::make_intrusive<c10d::PrefixStore>("nccl", connection_.store);
    auto nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, static_cast<int>(rank()), static_cast<int>(size()), options);
    nccl->setBoundDeviceId(device);
    return nccl;
#else
    throw UsageError("several ranks on CUDA need a build with it (--preset cuda): set train.device: cpu, or start one process");
#endif
  }

  MeetingConfig config_;
  detail::Connection connection_;
  detail::Pulse pulse_;
  Waiting waiting_;
  GlooChannel channel_;
  BackendPtr tensors_;
};

}  // namespace

std::shared_ptr<World> open_world(const Layout& layout, const MeetingConfig& config, torch::Device device) {
  if (layout.alone()) return detail::lone_world_at(layout);
  const detail::Deadline deadline(config.setup_timeout);
  return std::make_shared<C10dWorld>(layout, config, device, detail::connect(layout, config, deadline));
}

}  // namespace fsc
