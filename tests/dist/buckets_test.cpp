// Averaged gradients of several ranks against those of one process.
#include "fsc/dist/buckets.h"

#include <algorithm>

#include "dist/ranks.h"

namespace fsc {
namespace {

using torch::Tensor;

/// Parameters of two dtypes; the fourth is used by nobody, the fifth by rank 1's samples only, the sixth is not trained.
std::vector<Tensor> some_parameters() {
  torch::manual_seed(4);
  const auto made = [](std::vector<int64_t> shape, torch::ScalarType dtype) {
    return torch::randn(shape, torch::kFloat64).to(torch::dtype(dtype).device(test::device_of_body())).requires_grad_();
  };
  return {made({8, 16}, torch::kFloat64), made({16}, torch::kFloat32), made({16, 4}, torch::kFloat64),
          made({3}, torch::kFloat64),     made({4}, torch::kFloat32),  made({5}, torch::kFloat32).requires_grad_(false)};
}

/// The loss of one sample, over all ranks the mean.
Tensor loss_of(const std::vector<Tensor>& p, int64_t sample) {
  torch::manual_seed(100 + static_cast<uint64_t>(sample));
  const Tensor x = torch::randn({1, 8}, torch::kFloat64).to(p[0].device());
  Tensor y = (x.mm(p[0]) + p[1].to(torch::kFloat64)).tanh().mm(p[2]);
  if (sample == 1) y = y * p[4].to(torch::kFloat64);
  return y.square().sum();
}

/// The numbers of a parameter whose means this rank gets.
Tensor own_part(const World& world, const GradientBuckets& buckets, const DistributedConfig& config, size_t parameter,
                const Tensor& whole) {
  if (!config.shard_optimizer || world.size() == 1) return whole;
  for (const auto& bucket : buckets.layout()) {
    EXPECT_EQ(bucket.numbers.size(0) % world.size(), 0);
    const int64_t part = bucket.numbers.size(0) / world.size(), first = world.rank() * part;
    for (const auto& member : bucket.members) {
      if (member.parameter != parameter) continue;
      const int64_t begin = std::clamp<int64_t>(first - member.first, 0, whole.numel());
      const int64_t end = std::clamp<int64_t>(first + part - member.first, 0, whole.numel());
      return whole.flatten().slice(0, begin, end);
    }
  }
  ADD_FAILURE() << "parameter " << parameter << " is in no bucket";
  return whole;
}

void expect_equal_to_one_process(const std::shared_ptr<World>& world, DistributedConfig config, double tolerance) {
  const auto whole = some_parameters(), part = some_parameters();
  const int64_t W = world->size();
  for (int64_t sample = 0; sample < 2 * W; ++sample) (loss_of(whole, sample) / static_cast<double>(W)).backward();

  GradientBuckets buckets(world, part, config);
  const int64_t bytes = W == 1 ? 0 : 8 * (8 * 16 + 16 * 4 + 3) + 4 * (16 + 4);
  EXPECT_GE(buckets.bytes(), bytes);
  EXPECT_LE(buckets.bytes(), bytes + (config.shard_optimizer ? 5 * 8 * (W - 1) : 0));  // rounded up to equal parts
  for (int step = 0; step < 2; ++step) {
    buckets.zero();
    loss_of(part, world->rank()).backward();  // an earlier part of an accumulated batch
    buckets.arm();
    loss_of(part, W + world->rank()).backward();
    buckets.finish();
    for (size_t i = 0; i < whole.size(); ++i) {
      ASSERT_EQ(part[i].grad().defined(), whole[i].grad().defined()) << "parameter " << i << " of step " << step;
      if (!whole[i].grad().defined()) continue;
      const double scale = whole[i].grad().abs().max().item<double>();
      const Tensor difference = own_part(*world, buckets, config, i, part[i].grad() - whole[i].grad());
      if (difference.numel() == 0) continue;
      EXPECT_LT(difference.abs().max().item<double>(), tolerance * scale) << "parameter " << i << " of step " << step;
    }
  }
}

RANK_BODY(AveragesGradients) {
  const auto world = test::world_of_body();
  for (const bool in_parts : {false, true}) {
    SCOPED_TRACE(in_parts);
    DistributedConfig config;
    config.shard_optimizer = in_parts;
    expect_equal_to_one_process(world, config, 1e-6);
    config.bucket_mb = 1e-4;  // every parameter alone
    expect_equal_to_one_process(world, config, 1e-6);
    config.reduce_in_bf16 = true;
    expect_equal_to_one_process(world, config, 0.03);
  }
}

TEST(GradientBuckets, AreEqualToOneProcess) {
  test::run_ranks("AveragesGradients", 2);
  test::run_ranks("AveragesGradients", 3);
  test::run_ranks("AveragesGradients", 4);
}

TEST(GradientBuckets, LeaveAWorldOfOneAsItIs) {
  const auto world = lone_world();
  expect_equal_to_one_process(world, {}, 1e-12);
  const auto parameters = some_parameters();
  GradientBuckets buckets(world, parameters, {});
  loss_of(parameters, 0).backward();
  buckets.zero();
  EXPECT_FALSE(parameters[0].grad().defined());
}

}  // namespace
}  // namespace fsc
