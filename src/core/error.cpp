// The last stop of every exception: a message for a person and an exit code for a script.
#include "fsc/core/error.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>

namespace fsc {

int run_main(const char* program, int (*body)(int, char**), int argc, char** argv) noexcept {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then a failed write with a message, like a full disk
  try {
    return body(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory; lower train.batch_size or data.prefetch\n", program);
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "%s: cannot use %s: %s\n", program, error.path1().c_str(), error.code().message().c_str());
  } catch (const std::exception& error) {
    // Only bugs of ours and of libraries come here; a trace-free first line is still easier to report.
    std::fprintf(stderr, "%s: internal error, please report it with the command line and config: %s\n", program, error.what());
  } catch (...) {
    std::fprintf(stderr, "%s: internal error, please report it with the command line and config\n", program);
  }
  return static_cast<int>(ExitCode::kFailed);
}

}  // namespace fsc
