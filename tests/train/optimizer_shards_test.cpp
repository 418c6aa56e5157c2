// AdamW shared by several ranks, a slice of every bucket each, against AdamW on every rank as a whole.
#include "train/detail_optimizer_shards.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/ranks.h"
#include "fsc/model/clip_model.h"

namespace fsc {
namespace {
using namespace detail;
using torch::Tensor;

/// Parameters, buckets and optimizer of a small model.
struct Side {
  Side(const std::shared_ptr<World>& world, bool shared, const DistributedConfig& distributed, const OptimConfig& optim) {
    torch::manual_seed(5);
    for (const auto& item : ClipModel(ArchConfig::load(FSC_TEST_DATA "/models/tiny.json"))->named_parameters())
      parameters.emplace_back(item.key(), item.value());
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> tensors;
    for (const auto& [name, parameter] : parameters) tensors.push_back(parameter.normal_());
    DistributedConfig config = distributed;
    config.shard_optimizer = shared;
    buckets = std::make_unique<GradientBuckets>(world, tensors, config);
    if (shared) shards = std::make_unique<OptimizerShards>(world, parameters, buckets->layout());
    const auto scale_of = [](const std::string& name) { return ParameterScale{.lr = name.starts_with("visual") ? 0.5 : 1.0}; };
    optimizer = std::make_unique<AdamW>(parameters, optim, scale_of, shards ? shards->sharing() : Sharing{});
  }

  /// `left_out`: has no gradient on this rank. `bad`: a number of one gradient of this rank is not finite.
  StepVerdict step(const std::vector<size_t>& left_out, bool bad, int64_t random, GradScaler& scaler) {
    buckets->zero();
    buckets->arm();
    torch::manual_seed(static_cast<uint64_t>(random));
    Tensor loss = torch::zeros({});
    for (size_t i = 0; i < parameters.size(); ++i) {
      const auto& parameter = parameters[i].second;
      Tensor gradient = torch::randn(parameter.sizes()) * std::pow(10.0, static_cast<double>(i % 3) - 2);
      if (bad && i == parameters.size() / 2) gradient.view({-1})[0] = std::numeric_limits<float>::quiet_NaN();
      const bool out = std::find(left_out.begin(), left_out.end(), i) != left_out.end();
      if (!out) loss = loss + (parameter * gradient).sum();
    }
    scaler.scale(loss).backward();
    buckets->finish();
    const StepVerdict verdict = optimizer->step(1e-3, scaler);
    if (shards) shards->exchange();
    return verdict;
  }

  StateDict state() const {
    StateDict state;
    optimizer->save(state);
    return shards ? shards->gather(*optimizer) : state;
  }

  NamedParameters parameters;
  std::unique_ptr<GradientBuckets> buckets;
  std::unique_ptr<OptimizerShards> shards;
  std::unique_ptr<AdamW> optimizer;
};

double difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

void expect_same(const Side& whole, const Side& shared, double tolerance) {
  for (size_t i = 0; i < whole.parameters.size(); ++i)
    EXPECT_LE(difference(whole.parameters[i].second, shared.parameters[i].second), tolerance) << whole.parameters[i].first;
}

void expect_same_steps(const std::shared_ptr<World>& world, const DistributedConfig& config, double clip, bool fp16) {
  const OptimConfig optim{.grad_clip = clip};
  Side whole(world, false, config, optim), shared(world, true, config, optim);
  expect_same(whole, shared, 0);
  GradScaler a(fp16, torch::kCPU), b(fp16, torch::kCPU);
  // Sums of more than two bf16 numbers depend on the way that they are made.
  const double tolerance = config.reduce_in_bf16 ? 5e-5 : 1e-6;
  for (int64_t k = 0; k < 5; ++k) {
    std::vector<size_t> left_out;
    if (k == 1 || k == 3) left_out = {0, 3, 7};             // nobody has them
    if (k == 2 && world->rank() > 0) left_out = {1, 4};     // one has them
    if (k == 4) left_out = {shared.parameters.size() - 1};  // what is first in the first bucket
    const bool bad = k == 3 && world->rank() == world->size() - 1;
    const int64_t random = 100 * k + world->rank();
    const auto want = whole.step(left_out, bad, random, a), got = shared.step(left_out, bad, random, b);
    SCOPED_TRACE(testing::Message() << "step " << k << ", buckets of " << config.bucket_mb << " MB, clip " << clip
                                    << (fp16 ? ", fp16" : "") << (config.reduce_in_bf16 ? ", in bf16" : ""));
    EXPECT_EQ(got.skipped.item<float>(), k == 3 ? 1.0F : 0.0F);
    EXPECT_EQ(want.skipped.item<float>(), got.skipped.item<float>());
    const auto norm = want.grad_norm.item<float>();
    EXPECT_EQ(got.grad_norm.scalar_type(), want.grad_norm.scalar_type());
    if (k != 3) {
      EXPECT_NEAR(got.grad_norm.item<float>(), norm, 2 * tolerance * norm);
    }
    expect_same(whole, shared, tolerance);
  }
  EXPECT_EQ(a.scale_tensor().item<float>(), b.scale_tensor().item<float>());

  const StateDict want = whole.state(), got = shared.state();
  EXPECT_EQ(got.size(), world->is_first() ? want.size() : 0);
  for (const auto& [name, value] : got.entries()) {
    const Tensor* twin = want.find(name);
    ASSERT_TRUE(twin && twin->sizes() == value.sizes()) << name;
    EXPECT_LE(difference(*twin, value), (config.reduce_in_bf16 ? 0.02 : 1e-6) * std::max(1e-3, twin->abs().max().item<double>()))
        << name;
  }
}

RANK_BODY(SharesAdamW) {
  const auto world = test::world_of_body();
  DistributedConfig config;
  expect_same_steps(world, config, 0, false);
  config.bucket_mb = 0.1;
  expect_same_steps(world, config, 0.5, true);
  config.bucket_mb = 1e-4;  // every parameter alone: of the smallest most ranks have nothing
  expect_same_steps(world, config, 0.5, false);
  config.reduce_in_bf16 = true;
  expect_same_steps(world, config, 1e-3, false);
}

TEST(OptimizerShards, AreEqualToOneOptimizer) {
  for (const int ranks : {2, 3}) test::run_ranks("SharesAdamW", ranks);
}

/// State of whole parameters goes in and comes out again, whoever wrote it.
RANK_BODY(KeepsState) {
  const auto world = test::world_of_body();
  Side whole(world, false, {}, {}), shared(world, true, {}, {}), again(world, true, {}, {});
  GradScaler off(false, torch::kCPU);
  const auto random = [&](int64_t k) { return 10 * k + world->rank(); };
  for (int64_t k = 0; k < 2; ++k) whole.step({}, false, random(k), off), shared.step({}, false, random(k), off);
  again.step({}, false, 77, off);
  again.optimizer->load(whole.state(), "optimizer.safetensors");
  {
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < whole.parameters.size(); ++i) again.parameters[i].second.copy_(whole.parameters[i].second);
  }
  for (int64_t k = 2; k < 4; ++k)
    whole.step({}, false, random(k), off), shared.step({}, false, random(k), off), again.step({}, false, random(k), off);
  expect_same(whole, shared, 1e-6);
  expect_same(whole, again, 1e-6);
  EXPECT_THROW(again.optimizer->load(StateDict(), "nothing"), Error);

  // The price a rank, and nothing is kept twice.
  const double share = static_cast<double>(shared.optimizer->state_bytes()) / static_cast<double>(whole.optimizer->state_bytes());
  EXPECT_LE(share, 1.1 / static_cast<double>(world->size()));
}

TEST(OptimizerShards, KeepTheirPartOfTheStateAndTakeItFromAWhole) {
  for (const int ranks : {2, 4}) test::run_ranks("KeepsState", ranks);
}

}  // namespace
}  // namespace fsc
