// One catch for each kind of exception.
#include "fsc/core/main.h"

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "fsc/core/error.h"
#include "fsc/core/out_of_memory.h"
#include "fsc/core/stop.h"

namespace fsc {

int run_main(const char* program, int (*body)(int, char**), int argc, char** argv, const MemoryHelp& help) noexcept {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then a failed write with a message, like a full disk
  try {
    return body(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return static_cast<int>(error.code());
  } catch (const Stopped& stopped) {
    std::fprintf(stderr,
                 "%s: %s received while it waited, before there was anything to save: start it again with the same command\n",
                 program, stopped.what());
    return static_cast<int>(ExitCode::kInterrupted);
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "%s: cannot use %s: %s\n", program, error.path1().c_str(), error.code().message().c_str());
  } catch (const std::exception& error) {
    std::string shortage = memory_shortage(error);
    if (shortage.empty() && help.library_shortage) shortage = help.library_shortage(error);
    if (!shortage.empty()) {
      std::fprintf(stderr, "%s: out of memory: %s; %s\n", program, shortage.c_str(), help.advice);
      return static_cast<int>(ExitCode::kFailed);
    }
    // Only bugs of ours and of libraries come here; a trace-free first line is still easier to report.
    std::fprintf(stderr, "%s: internal error, please report it with the command line and config: %s\n", program, error.what());
  } catch (...) {
    std::fprintf(stderr, "%s: internal error, please report it with the command line and config\n", program);
  }
  return static_cast<int>(ExitCode::kFailed);
}

}  // namespace fsc
