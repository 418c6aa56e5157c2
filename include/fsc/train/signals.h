// SIGTERM, SIGINT and SIGUSR1 ask the run to save and stop; a second SIGINT ends it at once.
#pragma once

namespace fsc {

/// Installs the handlers while it lives.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// 0, or the signal that asked.
  static int received();
  static const char* name();
};

}  // namespace fsc
