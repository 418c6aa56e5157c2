// Environment variables that one of our own launchers sets beside torchrun's.
#pragma once

namespace fsc::detail {

/// Set in every process that run_local_processes() starts.
inline constexpr const char* kLocalProcess = "FSC_LOCAL_PROCESS";
/// In that of rank 0: the number of the socket at which it listens, open from the launcher on, so that nobody can take the port.
inline constexpr const char* kListening = "FSC_LISTENING";

}  // namespace fsc::detail
