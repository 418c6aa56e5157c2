// The last stop of every exception: a message for a person and an exit code for a script.
#pragma once

namespace fsc {

/// Runs `body` and maps what it throws to an exit code and one message on stderr; used by every main(). `memory_advice` is what
/// to lower when memory ran out.
int run_main(const char* program, int (*body)(int, char**), int argc, char** argv, const char* memory_advice) noexcept;

}  // namespace fsc
