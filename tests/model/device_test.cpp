// Names of devices and the reasons for which one is refused.
#include "fsc/model/device.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "fsc/core/error.h"

namespace fsc {
namespace {

std::string refusal(const std::string& name) {
  try {
    open_device(name, "--device");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Device, Names) {
  for (const char* name : {"auto", "cpu", "cuda", "cuda:0", "cuda:7"}) EXPECT_EQ(device_name_problem(name), "");
  for (const char* name : {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda:999999999999", "cpu:0", "mps"})
    EXPECT_EQ(device_name_problem(name), std::string("'") + name + "' is no device; give auto, cpu, cuda or cuda:N");
  EXPECT_THROW(open_device("gpu", "--device"), UsageError);
  EXPECT_EQ(refusal("gpu"), "--device: " + device_name_problem("gpu"));
  EXPECT_EQ(open_device("cpu", "--device"), torch::Device(torch::kCPU));
  EXPECT_EQ(device_text(torch::kCPU, "cpu").rfind("cpu, ", 0), 0u);
}

TEST(Device, WithoutCudaItSaysWhy) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is CUDA here";
  EXPECT_EQ(open_device("auto", "--device"), torch::Device(torch::kCPU));
  EXPECT_NE(device_text(torch::kCPU, "auto").find("no CUDA: "), std::string::npos);
  for (const char* name : {"cuda", "cuda:1"}) {
    EXPECT_EQ(refusal(name).rfind(std::string("--device is ") + name + ", but there is no CUDA here: ", 0), 0u) << refusal(name);
    EXPECT_GT(refusal(name).size(), 80u) << "the reason: " << refusal(name);
  }
}

TEST(Device, WithCudaItIsTaken) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA here";
  EXPECT_EQ(open_device("auto", "--device"), torch::Device(torch::kCUDA, 0));
  EXPECT_EQ(open_device("cuda:0", "--device"), torch::Device(torch::kCUDA, 0));
  EXPECT_NE(refusal("cuda:100").find("CUDA devices, the last one cuda:"), std::string::npos);
}

TEST(Device, AmpNeedsCuda) {
  EXPECT_THROW(check_precision(Precision::kAmp, torch::kCPU, "--precision"), UsageError);
  EXPECT_NO_THROW(check_precision(Precision::kAmp, torch::Device(torch::kCUDA, 0), "--precision"));
  for (const auto precision : {Precision::kFp32, Precision::kAmpBf16, Precision::kBf16})
    EXPECT_NO_THROW(check_precision(precision, torch::kCPU, "--precision"));
}

}  // namespace
}  // namespace fsc
