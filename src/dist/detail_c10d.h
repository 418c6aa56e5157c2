// LibTorch's communication library, with Gloo and, in builds for CUDA, NCCL.
#pragma once
#define USE_C10D_GLOO
#ifdef FSC_CUDA
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef FSC_CUDA
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <algorithm>
#include <chrono>
#include <string>

namespace fsc::detail {

using StorePtr = c10::intrusive_ptr<c10d::Store>;
using BackendPtr = c10::intrusive_ptr<c10d::Backend>;

inline std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds) + 1);
}

/// What an exception of LibTorch or Gloo says, without where it was thrown and what that usually means.
inline std::string words_of(const std::exception& error) {
  std::string text = error.what();
  for (const char* rest : {"\nException raised", ". This is typically caused", "\n"})
    text.resize(std::min(text.find(rest), text.size()));
  if (text.starts_with("[/")) text.erase(0, std::min(text.find("] "), text.size() - 2) + 2);
  return text;
}

}  // namespace fsc::detail
