// Collectives of one, two and three processes, and what ranks say of themselves.
#include "fsc/dist/world.h"

#include <functional>
#include <sstream>
#include <thread>

#include "dist/ranks.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

TEST(LoneWorld, GivesBackWhatItGets) {
  const auto world = lone_world();
  const torch::Tensor rows = torch::arange(6.0).view({3, 2});
  EXPECT_TRUE(world->all_gather(rows).equal(rows));
  EXPECT_TRUE(world->reduce_scatter(rows).equal(rows));
  EXPECT_TRUE(world->exchange(rows, 0, 0).equal(rows));
  const torch::Tensor flat = rows.clone();
  world->all_reduce(flat)->wait();
  world->reduce_to_parts(flat)->wait();
  world->gather_parts(flat)->wait();
  world->broadcast(flat);
  EXPECT_TRUE(flat.equal(rows));
  EXPECT_EQ(world->channel().all_gather("a"), std::vector<std::string>{"a"});
  EXPECT_EQ(world->open_channel("x")->all_gather(""), std::vector<std::string>{""});
  EXPECT_TRUE(world->is_first());
  introduce(*world, {});
  // A launcher of one process needs no network, and its job is kept.
  Layout layout;
  layout.job = "7";
  layout.address = "nosuch.invalid";
  EXPECT_EQ(open_world(layout, {}, torch::kCPU)->layout().job, "7");
}

void expect_right_collectives(World& world, torch::ScalarType dtype) {
  SCOPED_TRACE(c10::toString(dtype));
  const int64_t W = world.size(), r = world.rank();
  const double sum = static_cast<double>(W * (W + 1)) / 2;
  const auto options = torch::dtype(dtype).device(test::device_of_body());
  const torch::Tensor all = world.all_gather(torch::full({2, 3}, static_cast<double>(r), options));
  ASSERT_EQ(all.sizes(), (std::vector<int64_t>{2 * W, 3}));
  for (int64_t q = 0; q < W; ++q) EXPECT_TRUE(all.narrow(0, 2 * q, 2).eq(static_cast<double>(q)).all().item<bool>());

  const torch::Tensor flat = torch::full({1001}, static_cast<double>(r + 1), options);
  world.all_reduce(flat)->wait();
  EXPECT_TRUE(flat.eq(sum).all().item<bool>());

  const torch::Tensor told = torch::full({4, 5}, static_cast<double>(r), options).t();  // not contiguous
  world.broadcast(told, W - 1);
  EXPECT_TRUE(told.eq(static_cast<double>(W - 1)).all().item<bool>());

  const torch::Tensor got = world.exchange(torch::full({3}, static_cast<double>(r), options), (r + 1) % W, (r + W - 1) % W);
  EXPECT_TRUE(got.eq(static_cast<double>((r + W - 1) % W)).all().item<bool>());

  const torch::Tensor parts = torch::arange(3 * W, options).mul_(static_cast<double>(r + 1));
  world.reduce_to_parts(parts)->wait();
  EXPECT_TRUE(parts.narrow(0, 3 * r, 3).equal(torch::arange(3 * r, 3 * r + 3, options) * sum));
  world.gather_parts(parts)->wait();
  EXPECT_TRUE(parts.equal(torch::arange(3 * W, options) * sum));

  const torch::Tensor own = world.reduce_scatter(torch::arange(2 * W, options).view({2 * W, 1}) * static_cast<double>(r + 1));
  EXPECT_TRUE(own.equal(torch::arange(2 * r, 2 * r + 2, options).view({2, 1}) * sum));
}

void expect_right_words(Channel& channel, const World& world) {
  const auto words_of = [](int64_t rank) { return std::string(static_cast<size_t>(rank) * 700, static_cast<char>('a' + rank)); };
  const auto all = channel.all_gather(words_of(world.rank()));
  ASSERT_EQ(all.size(), static_cast<size_t>(world.size()));
  for (int64_t q = 0; q < world.size(); ++q) EXPECT_EQ(all[static_cast<size_t>(q)], words_of(q));
  for (const auto& one : channel.all_gather(std::string("\0x", 2), 5)) EXPECT_EQ(one, std::string("\0x", 2));
  for (const auto& one : channel.all_gather(std::string(504, 'y'))) EXPECT_EQ(one, std::string(504, 'y'));
}

/// Bytes that this process has written so far, to sockets too.
int64_t written() {
  std::istringstream words(test::read_all("/proc/self/io"));
  std::string word;
  while (words >> word && word != "wchar:") {
  }
  int64_t bytes = 0;
  words >> bytes;
  return bytes;
}

/// A rank sends (W-1)/W of the numbers to reduce them to parts, as much again to gather these, and both for an all-reduce.
RANK_BODY(SendsNoMoreThanItMust) {
  const auto world = test::world_of_body();
  const torch::Tensor flat = torch::ones({world->size() * 500'000});
  const auto volume = [&](const std::function<void()>& collective) {
    collective();
    world->channel().all_gather("");
    const int64_t before = written();
    collective();
    return static_cast<double>(written() - before) / static_cast<double>(flat.nbytes());
  };
  const double part = 1 - 1.0 / static_cast<double>(world->size());
  EXPECT_NEAR(volume([&] { world->reduce_to_parts(flat)->wait(); }), part, 0.05);
  EXPECT_NEAR(volume([&] { world->reduce_scatter(flat); }), part, 0.05);
  EXPECT_NEAR(volume([&] { world->gather_parts(flat)->wait(); }), part, 0.05);
  EXPECT_NEAR(volume([&] { world->all_gather(flat.narrow(0, 0, 500'000)); }), part, 0.05);
  EXPECT_NEAR(volume([&] { world->all_reduce(flat)->wait(); }), 2 * part, 0.05);
}

TEST(World, SendsNoMoreThanItMust) {
  for (const int ranks : {2, 3}) test::run_ranks("SendsNoMoreThanItMust", ranks);
}

Introduction introduction() {
  return {.version = "1", .config_hash = "c", .data = "d", .device = "cpu", .parameters = 5, .batch_size = 8};
}

RANK_BODY(AllCollectives) {
  const auto world = test::world_of_body();
  introduce(*world, introduction());
  for (const auto dtype : {torch::kFloat32, torch::kFloat64, torch::kBFloat16}) expect_right_collectives(*world, dtype);
  expect_right_words(world->channel(), *world);
  const auto second = world->open_channel("loader");
  std::thread other([&] { expect_right_words(*second, *world); });
  expect_right_words(world->channel(), *world);
  other.join();
  EXPECT_EQ(world->hosts().size(), static_cast<size_t>(world->size()));
  EXPECT_GT(world->waited_seconds(), 0);
  EXPECT_LT(world->waited_seconds(), 20);

  auto differs = introduction();
  if (world->rank() == 1) differs.config_hash = "other", differs.parameters = 6, differs.device = "cpu:0";
  const std::string who = world->name_of(1);
  test::expect_error([&] { introduce(*world, differs); }, ExitCode::kFailed,
                     {"config: " + who + " has \"other\", " + world->name_of(0) + " has \"c\"",
                      "number of parameters: " + who + " has \"6\", " + world->name_of(0) + " has \"5\""});
  world->channel().all_gather("together to the end");
}

TEST(World, CollectivesOfTwoRanks) { test::run_ranks("AllCollectives", 2); }
TEST(World, CollectivesOfThreeRanks) { test::run_ranks("AllCollectives", 3); }

}  // namespace
}  // namespace fsc
