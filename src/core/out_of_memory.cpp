// Tells shortages of memory from other failures.
#include "fsc/core/out_of_memory.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <new>

namespace fsc {
namespace {

/// The first line, without the period at its end.
std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string memory_shortage(const std::exception& error) {
  if (dynamic_cast<const OutOfMemory*>(&error)) return error.what();
  if (dynamic_cast<const std::bad_alloc*>(&error)) return "an allocation of the program failed";
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
