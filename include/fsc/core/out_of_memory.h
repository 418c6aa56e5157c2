// Memory that ran out, whoever noticed it.
#pragma once
#include <exception>
#include <stdexcept>
#include <string>

namespace fsc {

/// The message says what was asked for. No Error: nobody may take it for a bad sample and go on.
class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was asked for, when `error` is OutOfMemory or std::bad_alloc; else "".
std::string memory_shortage(const std::exception& error);

}  // namespace fsc
