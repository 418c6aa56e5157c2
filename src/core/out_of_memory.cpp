// Tells shortages of memory from other failures.
#include "fsc/core/out_of_memory.h"

#include <new>

namespace fsc {

std::string memory_shortage(const std::exception& error) {
  if (dynamic_cast<const OutOfMemory*>(&error)) return error.what();
  if (dynamic_cast<const std::bad_alloc*>(&error)) return "an allocation of the program failed";
  return "";
}

}  // namespace fsc
