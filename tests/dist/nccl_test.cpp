// By NCCL, a CUDA device a rank, what the other tests have by Gloo.
#include <torch/cuda.h>

#include "dist/ranks.h"

namespace fsc::test {
namespace {

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    const int devices = torch::cuda::device_count();
    if (devices < ranks_) GTEST_SKIP() << ranks_ << " CUDA devices are needed (FSC_TEST_RANKS), here are " << devices;
  }
  void run(const std::string& body) const {
    const Variables on_devices = {{"FSC_TEST_DEVICE", "cuda"}, {"FSC_TEST_SETUP", "60"}};
    for (auto& rank : start_ranks(body, ranks_, on_devices)) rank->expect_ends(0, {}, /*seconds=*/120);
  }

  const int ranks_ = std::stoi(variable_or("FSC_TEST_RANKS", "2"));
};

TEST_F(Nccl, Collectives) { run("AllCollectives"); }

TEST_F(Nccl, RowsAreGatheredWithTheGradientsOfOneProcess) { run("GathersWithGradient"); }

TEST_F(Nccl, GradientsAreThoseOfOneProcess) { run("AveragesGradients"); }

}  // namespace
}  // namespace fsc::test
