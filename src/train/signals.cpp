// A flag set by the handler and read between steps.
#include "fsc/train/signals.h"

#include <csignal>

namespace fsc {
namespace {

volatile std::sig_atomic_t g_received = 0;

void on_signal(int signal) {
  // The second SIGINT meets the default action: the person means it.
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);
  g_received = signal;
}

}  // namespace

StopSignals::StopSignals() {
  g_received = 0;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    struct sigaction action = {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;  // file writes in flight are not cut short
    ::sigaction(signal, &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) std::signal(signal, SIG_DFL);
}

int StopSignals::received() { return g_received; }

const char* StopSignals::name() {
  switch (g_received) {
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGUSR1: return "SIGUSR1";
    default: return "no signal";
  }
}

}  // namespace fsc
