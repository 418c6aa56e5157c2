// A flag set by the handler and read where the program waits.
#include "fsc/core/stop.h"

#include <csignal>
#include <initializer_list>

namespace fsc {
namespace {

volatile std::sig_atomic_t g_received = 0;

void on_signal(int signal) {
  // The second SIGINT meets the default action: the person means it.
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);
  g_received = signal;
}

}  // namespace

void install_stop_signals() noexcept {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    struct sigaction action = {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;  // file writes in flight are not cut short
    ::sigaction(signal, &action, nullptr);
  }
}

bool stop_requested() noexcept { return g_received != 0; }

const char* stop_signal() noexcept {
  switch (g_received) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "no signal";
  }
}

void test::forget_stop_signal() noexcept { g_received = 0; }

}  // namespace fsc
