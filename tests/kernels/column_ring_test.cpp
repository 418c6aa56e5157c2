// Losses whose columns come by a ring, on threads that stand for processes, against one process with all rows.
#include <barrier>
#include <numeric>
#include <thread>

#include "fsc/kernels/contrastive.h"
#include "kernels/against_double.h"
#include "kernels/counting_allocator.h"

namespace fsc {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

/// A thread a process. One that fails leaves the ring, so that the others come to their end.
class ThreadRing {
 public:
  explicit ThreadRing(std::vector<int64_t> rows)
      : rows_(std::move(rows)), sent_(rows_.size()), all_(static_cast<std::ptrdiff_t>(rows_.size())) {}

  template <class Work>
  void run(const Work& work) {
    std::vector<std::thread> threads;
    for (size_t place = 0; place < rows_.size(); ++place) {
      threads.emplace_back([&, place] {
        try {
          work(place, std::make_shared<const ColumnRing>(
                          ColumnRing{rows_, place, [this, place](const Tensor& tensor) { return passed(place, tensor); }}));
        } catch (const std::exception& error) {
          ADD_FAILURE() << "process " << place << ": " << error.what();
        }
        all_.arrive_and_drop();
      });
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  Tensor passed(size_t place, const Tensor& tensor) {
    sent_[place] = tensor;
    all_.arrive_and_wait();
    const Tensor got = sent_[(place + rows_.size() - 1) % rows_.size()].clone();
    all_.arrive_and_wait();
    EXPECT_EQ(got.sizes(), tensor.sizes());
    return got;
  }

  std::vector<int64_t> rows_;
  Tensors sent_;
  std::barrier<> all_;
};

struct RingCase {
  std::string name;
  std::vector<int64_t> rows;  ///< of every process
  int64_t negatives = 0;      ///< extra columns a row
  MissingNegatives missing = MissingNegatives::kReference;
};

const std::vector<RingCase> kRingCases = {
    {.name = "one", .rows = {5}, .negatives = 1},
    {.name = "two", .rows = {16, 16}},
    {.name = "three, uneven", .rows = {7, 1, 33}},
    {.name = "four", .rows = {8, 8, 8, 8}},
    {.name = "negatives", .rows = {6, 9, 5, 6}, .negatives = 3},
    {.name = "masked negatives", .rows = {9, 40}, .negatives = 2, .missing = MissingNegatives::kMasked},
};

/// Images, texts, negatives of all rows, then scale and bias.
Tensors ring_inputs(const RingCase& c, torch::ScalarType dtype) {
  const int64_t all = std::accumulate(c.rows.begin(), c.rows.end(), int64_t{0}), width = 24;
  torch::manual_seed(all);
  const auto unit = [&](int64_t rows) {
    const auto x = torch::randn({rows, width});
    return (x / x.norm(2, 1, true)).to(dtype);
  };
  const auto scalars = dtype == torch::kFloat64 ? dtype : torch::kFloat32;
  return {unit(all), unit(all), unit(all * c.negatives), torch::tensor(14.0F).to(scalars), torch::tensor(-3.0F).to(scalars)};
}

using RingLoss = std::function<Tensor(const Tensors& inputs, WorldColumns columns, const RingCase& c)>;

Tensor contrastive_of(const Tensors& x, WorldColumns columns, const RingCase& c) {
  columns.extra_valid_E = x[2].select(1, 0).detach().gt(-0.1);
  columns.extra_ED = x[2] * columns.extra_valid_E.unsqueeze(1);
  return contrastive_loss(x[0], x[1], x[3], columns, c.missing);
}
Tensor sigmoid_of(const Tensors& x, WorldColumns columns, const RingCase&) {
  return sigmoid_loss(x[0], x[1], x[3], x[4], columns);
}

/// Three times the loss, and its gradients; of those that it does not use zeros.
Tensors results(const RingLoss& loss, const Tensors& inputs, const WorldColumns& columns, const RingCase& c) {
  Tensors leaves;
  for (const auto& x : inputs) leaves.push_back(x.detach().clone().requires_grad_());
  const Tensor value = 3 * loss(leaves, columns, c);
  value.backward();
  Tensors all{value.detach()};
  for (const auto& x : leaves) all.push_back(x.grad().defined() ? x.grad() : torch::zeros_like(x));
  return all;
}

/// What the processes have, put together as gradients of the mean over them.
Tensors results_by_ring(const RingLoss& loss, const Tensors& inputs, const RingCase& c) {
  const size_t processes = c.rows.size();
  const int64_t total = std::accumulate(c.rows.begin(), c.rows.end(), int64_t{0});
  std::vector<Tensors> found(processes);
  ThreadRing(c.rows).run([&](size_t place, const std::shared_ptr<const ColumnRing>& ring) {
    const int64_t first = std::accumulate(c.rows.begin(), c.rows.begin() + static_cast<int64_t>(place), int64_t{0});
    const int64_t count = c.rows[place], n = c.negatives;
    const Tensors own{inputs[0].narrow(0, first, count), inputs[1].narrow(0, first, count),
                      inputs[2].narrow(0, first * n, count * n), inputs[3], inputs[4]};
    const double share = static_cast<double>(count * static_cast<int64_t>(processes)) / static_cast<double>(total);
    found[place] = results(loss, own, {.ring = ring, .share = share}, c);
  });
  Tensors joined;
  for (size_t i = 0; i < inputs.size() + 1; ++i) {
    Tensors parts;
    for (const auto& one : found) parts.push_back(i < one.size() ? one[i] : Tensor());
    if (std::any_of(parts.begin(), parts.end(), [](const Tensor& x) { return !x.defined(); })) return {};  // a failure is told
    joined.push_back(parts[0].dim() == 0 ? torch::stack(parts).mean() : torch::cat(parts) / static_cast<double>(processes));
  }
  return joined;
}

void expect_ring_equals_whole(const RingLoss& loss, const RingCase& c, torch::ScalarType dtype, double tolerance) {
  SCOPED_TRACE(c.name + " " + c10::toString(dtype));
  const Tensors inputs = ring_inputs(c, dtype);
  Tensors doubles;
  for (const auto& x : inputs) doubles.push_back(x.to(torch::kFloat64));
  const Tensors expected = results(loss, doubles, {}, c), actual = results_by_ring(loss, inputs, c);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].sizes(), expected[i].sizes());
    if (actual[i].numel() == 0) continue;
    const double size = std::max(expected[i].abs().max().item<double>(), 1e-3);
    EXPECT_LE((actual[i].to(torch::kFloat64) - expected[i]).abs().max().item<double>() / size, tolerance) << "result " << i;
  }
}

class ColumnRings : public testing::TestWithParam<Kernels> {};

TEST_P(ColumnRings, GiveTheLossAndGradientsOfAllRows) {
  const UseKernels use(GetParam());
  for (const auto& c : kRingCases) {
    for (const RingLoss& loss : {RingLoss(contrastive_of), RingLoss(sigmoid_of)}) {
      expect_ring_equals_whole(loss, c, torch::kFloat64, 1e-12);
      expect_ring_equals_whole(loss, c, torch::kFloat32, 1e-6);
      expect_ring_equals_whole(loss, c, torch::kBFloat16, 2e-2);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ColumnRings, testing::Values(Kernels::kFusedAlways, Kernels::kReference));

TEST(ColumnRing, VerificationSeesEveryBlock) {
  const UseKernels use(Kernels::kFusedAlways);
  const VerifyKernels verify;
  expect_ring_equals_whole(contrastive_of, kRingCases[4], torch::kFloat32, 1e-6);
  expect_ring_equals_whole(sigmoid_of, kRingCases[4], torch::kFloat32, 1e-6);
  const auto found = verify.differences();
  ASSERT_EQ(found.size(), 2U);
  for (const auto& kernel : found) EXPECT_FALSE(kernel.fell_back) << kernel.kernel << " " << kernel.largest;
}

TEST(ColumnRing, SureRowsKeepTheirSmallLosses) {
  const UseKernels use(Kernels::kFusedAlways);
  const RingCase c{.name = "sure", .rows = {8, 8}};
  Tensors inputs = ring_inputs(c, torch::kFloat32);
  inputs[0] = torch::eye(16, 24), inputs[1] = inputs[0].clone(), inputs[3] = torch::tensor(10.0F);
  const Tensor loss = results_by_ring(contrastive_of, inputs, c)[0];
  EXPECT_NEAR(loss.item<double>() / (3 * std::log1p(15 * std::exp(-10.0))), 1, 2e-4);
}

/// Every process has the same rows, so that one can go alone.
test::Bytes bytes_with(const RingLoss& loss, int64_t processes) {
  const RingCase c{.name = "memory", .rows = {64}, .negatives = 1};
  Tensors leaves;
  for (const auto& x : ring_inputs(c, torch::kFloat32)) leaves.push_back(x.detach().requires_grad_());
  const WorldColumns columns{
      .ring = std::make_shared<const ColumnRing>(ColumnRing{std::vector<int64_t>(static_cast<size_t>(processes), 64), 0,
                                                            [](const Tensor& sent) { return sent.clone(); }})};
  return test::bytes_of([&] { return loss(leaves, columns, c); });
}

TEST(ColumnRing, NeedsAsMuchMemoryOnAnyNumberOfProcesses) {
  const UseKernels use(Kernels::kFusedAlways);
  for (const RingLoss& loss : {RingLoss(contrastive_of), RingLoss(sigmoid_of)})
    EXPECT_LE(bytes_with(loss, 32).peak, bytes_with(loss, 3).peak + 4096);
}

TEST(ColumnRing, ThatDoesNotFitIsABug) {
  const auto rows = torch::eye(3), scale = torch::tensor(1.0F);
  const auto ring = [](size_t place) {
    return std::make_shared<const ColumnRing>(ColumnRing{{3, 4}, place, [](const Tensor& sent) { return sent.clone(); }});
  };
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.ring = ring(1)}), c10::Error) << "four rows";
  EXPECT_THROW(sigmoid_loss(rows, rows, scale, scale, {.ring = ring(2)}), c10::Error) << "no such process";
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.image_WD = rows, .text_WD = rows, .ring = ring(0)}), c10::Error);
}

}  // namespace
}  // namespace fsc
