// Features of several ranks against those of one process.
#include "fsc/dist/gather.h"

#include <numeric>

#include "dist/ranks.h"

namespace fsc {
namespace {

using torch::Tensor;

/// Something in which every row meets every other; over the rows [first, first + count) of a batch.
Tensor loss_of_rows(const Tensor& image, const Tensor& text, int64_t first, int64_t count) {
  const Tensor labels = torch::arange(first, first + count, image.device());
  return (torch::cross_entropy_loss(image.narrow(0, first, count).mm(text.t()), labels, {}, at::Reduction::Sum) +
          torch::cross_entropy_loss(text.narrow(0, first, count).mm(image.t()), labels, {}, at::Reduction::Sum)) /
         static_cast<double>(image.size(0));
}

struct Pair {
  Tensor image, text;
};

Pair weights(torch::ScalarType dtype) {
  torch::manual_seed(1);
  const auto options = torch::dtype(dtype).device(test::device_of_body());
  return {torch::randn({6, 4}, torch::kFloat64).to(options).requires_grad_(),
          torch::randn({5, 4}, torch::kFloat64).to(options).requires_grad_()};
}

/// The largest difference between the gradients of one process and the sums over ranks of theirs, against the largest gradient.
double difference(World& world, const std::vector<int64_t>& counts, torch::ScalarType dtype) {
  int64_t total = 0, first = 0;
  for (size_t r = 0; r < counts.size(); ++r) {
    if (static_cast<int64_t>(r) < world.rank()) first += counts[r];
    total += counts[r];
  }
  const int64_t own = counts[static_cast<size_t>(world.rank())];
  torch::manual_seed(2);
  const auto options = torch::dtype(dtype).device(test::device_of_body());
  const Tensor x = torch::randn({total, 6}, torch::kFloat64).to(options),
               y = torch::randn({total, 5}, torch::kFloat64).to(options);
  const Pair whole = weights(dtype), part = weights(dtype);
  loss_of_rows(x.mm(whole.image), y.mm(whole.text), 0, total).backward();

  const Tensor image = gather_rows(world, x.narrow(0, first, own).mm(part.image), counts);
  const Tensor text = gather_rows(world, y.narrow(0, first, own).mm(part.text), counts);
  EXPECT_EQ(image.sizes(), (std::vector<int64_t>{total, 4}));
  EXPECT_EQ(image.scalar_type(), dtype);
  loss_of_rows(image, text, first, own).backward();
  double worst = 0;
  for (const auto& [mine, wanted] : {std::pair{part.image, whole.image}, std::pair{part.text, whole.text}}) {
    Tensor sum = mine.grad().clone();
    world.all_reduce(sum)->wait();
    worst = std::max(worst, ((sum - wanted.grad()).abs().max() / wanted.grad().abs().max()).item<double>());
  }
  return worst;
}

RANK_BODY(GathersWithGradient) {
  const auto world = test::world_of_body();
  std::vector<int64_t> alike(static_cast<size_t>(world->size()), 3), uneven = alike;
  std::iota(uneven.begin(), uneven.end(), int64_t{1});
  std::swap(uneven.front(), uneven.back());
  const std::vector<std::vector<int64_t>> table = {alike, uneven};
  for (const auto& counts : table) {
    EXPECT_LT(difference(*world, counts, torch::kFloat64), 1e-12);
    EXPECT_LT(difference(*world, counts, torch::kFloat32), 1e-5);
    EXPECT_LT(difference(*world, counts, torch::kBFloat16), 0.1);
  }
}

TEST(GatherRows, GivesTheGradientsOfOneProcess) {
  test::run_ranks("GathersWithGradient", 2);
  test::run_ranks("GathersWithGradient", 3);
}

TEST(GatherRows, IsNothingInAWorldOfOne) {
  const Tensor rows = torch::ones({2, 3}).requires_grad_();
  EXPECT_TRUE(gather_rows(*lone_world(), rows, {2}).is_same(rows));
}

}  // namespace
}  // namespace fsc
