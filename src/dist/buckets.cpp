// Buckets that count down as hooks report their parameters' gradients, and leave one after the other.
#include "fsc/dist/buckets.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <map>
#include <utility>

namespace fsc {
namespace {

constexpr size_t kFlying = 3;  // buckets at most that are sent at a time after the backward, as each may need a copy

}  // namespace

class GradientBuckets::Impl {
 public:
  Impl(std::shared_ptr<World> world, const std::vector<torch::Tensor>& parameters, const DistributedConfig& config)
      : world_(std::move(world)), in_bf16_(config.reduce_in_bf16), in_parts_(config.shard_optimizer) {
    for (size_t i = parameters.size(); i-- > 0;) {
      if (parameters[i].requires_grad()) members_.emplace_back(parameters[i], i);
    }
    if (world_->size() == 1) return;
    fill_buckets(static_cast<int64_t>(config.bucket_mb * 1e6));
    for (size_t i = 0; i < members_.size(); ++i)
      torch::autograd::impl::set_post_acc_grad_hooks(members_[i].parameter, std::make_unique<Hook>(*this, i));
  }

  ~Impl() {
    if (world_->size() == 1) return;
    for (const auto& member : members_) torch::autograd::impl::set_post_acc_grad_hooks(member.parameter, nullptr);
  }

  void zero() {
    for (auto& bucket : buckets_) bucket.layout.numbers.zero_();
    for (auto& member : members_) {
      member.parameter.mutable_grad() = member.gradient;
      member.used = false;
    }
  }

  void arm() {
    armed_ = true;
    next_ = 0;
    for (auto& bucket : buckets_) bucket.missing = bucket.layout.members.size();
    for (auto& member : members_) member.ready = false;
  }

  void finish() {
    if (world_->size() == 1) return;
    TORCH_CHECK(armed_, "GradientBuckets::finish() without arm()");
    launch_until(kFlying);
    const auto used = used_anywhere();  // small, while the buckets are on their way
    for (size_t i = 0; i < buckets_.size(); ++i) {
      launch_until(i + kFlying);
      land(buckets_[i]);
    }
    for (size_t i = 0; i < members_.size(); ++i) {
      if (!used[i]) members_[i].parameter.mutable_grad() = torch::Tensor();
    }
    armed_ = false;
  }

  int64_t bytes() const {
    int64_t sum = 0;
    for (const auto& bucket : buckets_) sum += static_cast<int64_t>(bucket.layout.numbers.nbytes());
    return sum;
  }

  std::vector<FlatBucket> layout() const {
    std::vector<FlatBucket> all;
    for (const auto& bucket : buckets_) all.push_back(bucket.layout);
    return all;
  }

 private:
  struct Bucket {
    FlatBucket layout;
    torch::Tensor sent;  // the numbers, or their copy in bf16, while they are on their way
    size_t missing = 0;
    std::unique_ptr<Pending> pending;
  };

  /// A parameter and its place.
  struct Member {
    Member(torch::Tensor of, size_t place) : parameter(std::move(of)), index(place) {}
    torch::Tensor parameter, gradient;  // gradient: the view; undefined in a world of one
    size_t index;                       // of the parameter
    size_t bucket = 0;
    bool used = false;   // in this step, by a backward pass of this rank
    bool ready = false;  // since arm()
  };

  struct Hook final : torch::autograd::PostAccumulateGradHook {
    Hook(Impl& of, size_t member) : owner(of), index(member) {}
    void operator()(const torch::autograd::Variable&) override { owner.note(index); }
    Impl& owner;
    size_t index;
  };

  /// Members one after the other, a row of buckets for each dtype and device; a bucket is closed once it is full.
  void fill_buckets(int64_t limit) {
    struct Open {
      std::vector<size_t> members;
      int64_t bytes = 0;
    };
    std::map<std::pair<torch::ScalarType, std::string>, Open> open;
    for (size_t i = 0; i < members_.size(); ++i) {
      const auto& parameter = members_[i].parameter;
      auto& one = open[{parameter.scalar_type(), parameter.device().str()}];
      one.members.push_back(i);
      one.bytes += static_cast<int64_t>(parameter.nbytes());
      if (one.bytes >= limit) make_bucket(std::exchange(one, {}).members);
    }
    for (const auto& [kind, one] : open) {
      if (!one.members.empty()) make_bucket(one.members);
    }
  }

  void make_bucket(const std::vector<size_t>& indices) {
    Bucket bucket;
    int64_t size = 0;
    for (const size_t i : indices) {
      bucket.layout.members.push_back({.parameter = members_[i].index, .first = size});
      size += members_[i].parameter.numel();
    }
    if (in_parts_) size = (size + world_->size() - 1) / world_->size() * world_->size();
    bucket.layout.numbers = torch::zeros({size}, members_[indices[0]].parameter.options().requires_grad(false));
    for (size_t k = 0; k < indices.size(); ++k) {
      auto& member = members_[indices[k]];
      member.bucket = buckets_.size();
      member.gradient =
          bucket.layout.numbers.narrow(0, bucket.layout.members[k].first, member.parameter.numel()).view_as(member.parameter);
    }
    buckets_.push_back(std::move(bucket));
  }

  /// A gradient has been added to. The backward pass has one thread a device, so there is nothing to lock.
  void note(size_t index) {
    auto& member = members_[index];
    TORCH_CHECK(member.parameter.grad().is_alias_of(member.gradient),
                "a gradient is not in its bucket: GradientBuckets::zero() must come before the step's first backward pass");
    member.used = true;
    if (!armed_ || std::exchange(member.ready, true)) return;
    auto& bucket = buckets_[member.bucket];
    TORCH_CHECK(!bucket.pending, "a gradient came after its bucket had left");
    --bucket.missing;
    if (!member.parameter.is_cuda()) return;  // there the processors have no time to spare for sending
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) launch(buckets_[next_++]);
  }

  void launch_until(size_t end) {
    while (next_ < std::min(end, buckets_.size())) launch(buckets_[next_++]);
  }

  void launch(Bucket& bucket) {
    const torch::NoGradGuard no_grad;
    bucket.layout.numbers.div_(world_->size());
    const bool copy = in_bf16_ && bucket.layout.numbers.scalar_type() == torch::kFloat32;
    bucket.sent = copy ? bucket.layout.numbers.to(torch::kBFloat16) : bucket.layout.numbers;
    bucket.pending = in_parts_ ? world_->reduce_to_parts(bucket.sent) : world_->all_reduce(bucket.sent);
  }

  void land(Bucket& bucket) {
    std::exchange(bucket.pending, nullptr)->wait();
    if (!bucket.sent.is_same(bucket.layout.numbers)) own_part(bucket.layout.numbers).copy_(own_part(bucket.sent));
    bucket.sent = torch::Tensor();
  }

  /// What this rank gets the means of.
  torch::Tensor own_part(const torch::Tensor& flat) const {
    const int64_t size = in_parts_ ? flat.size(0) / world_->size() : flat.size(0);
    return flat.narrow(0, in_parts_ ? world_->rank() * size : 0, size);
  }

  /// Whether any rank has used each parameter.
  std::vector<bool> used_anywhere() {
    std::string own;
    for (const auto& member : members_) own += member.used ? '1' : '0';
    if (own.find('0') == std::string::npos) own.clear();  // the usual case
    std::vector<bool> used(members_.size(), false);
    for (const auto& words : world_->channel().all_gather(own)) {
      for (size_t i = 0; i < used.size(); ++i) used[i] = used[i] || words.empty() || words[i] == '1';
    }
    return used;
  }

  std::shared_ptr<World> world_;
  bool in_bf16_, in_parts_;
  std::vector<Member> members_;  // from the last parameter to the first
  std::vector<Bucket> buckets_;
  size_t next_ = 0;  // bucket to leave
  bool armed_ = false;
};

GradientBuckets::GradientBuckets(std::shared_ptr<World> world, const std::vector<torch::Tensor>& parameters,
                                 const DistributedConfig& config)
    : impl_(std::make_unique<Impl>(std::move(world), parameters, config)) {}
GradientBuckets::~GradientBuckets() = default;
void GradientBuckets::zero() { impl_->zero(); }
void GradientBuckets::arm() { impl_->arm(); }
void GradientBuckets::finish() { impl_->finish(); }
int64_t GradientBuckets::bytes() const { return impl_->bytes(); }
std::vector<FlatBucket> GradientBuckets::layout() const { return impl_->layout(); }

}  // namespace fsc
