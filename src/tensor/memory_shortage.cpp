// LibTorch's ways to say that memory ran out.
#include <c10/util/Exception.h>

#include <algorithm>

#include "fsc/tensor/memory.h"

namespace fsc {
namespace {

/// The first line, without the period at its end.
std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string torch_memory_shortage(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  if (!torch) return "";
  const std::string text = torch->what_without_backtrace();
  if (dynamic_cast<const c10::OutOfMemoryError*>(torch)) return first_line(text);
  // LibTorch has a class of its own for its GPU allocator only.
  for (const char* sign :
       {"DefaultCPUAllocator", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"})
    if (const size_t at = text.find(sign); at != std::string::npos) return first_line(text.substr(at));
  return "";
}

}  // namespace fsc
