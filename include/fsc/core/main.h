// The last stop of every exception: a message for a person and an exit code for a script.
#pragma once
#include <exception>
#include <string>

namespace fsc {

/// What a program says when memory ran out.
struct MemoryHelp {
  const char* advice;  ///< what to lower
  /// What was asked for, when a library's exception says that memory ran out; else "". nullptr = no such library.
  std::string (*library_shortage)(const std::exception&) = nullptr;
};

/// Runs `body` and maps what it throws to an exit code and one message on stderr; used by every main().
int run_main(const char* program, int (*body)(int, char**), int argc, char** argv, const MemoryHelp& help) noexcept;

}  // namespace fsc
