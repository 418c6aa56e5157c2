// fsc-train --nproc N and fsc-eval --nproc N: N processes of the same command on this machine.
#pragma once
#include <cstdint>

#include "fsc/core/error.h"

namespace fsc {

/// True in a process that run_local_processes() started: it is one of them and starts none.
bool is_local_process();

/// Starts this program's own command line `count` times with the variables that find_layout() reads (LOCAL_RANK = number of the
/// process, a free port of this machine), and waits. Their output comes line by line, that of ranks above 0 with "[rank] " before
/// it. A signal that asks to stop (fsc/core/stop.h) is handed on to all. The first that ends with another code than 0 and 75 ends
/// the others (SIGTERM, after `grace_seconds` SIGKILL), and its code is returned; else 75 where one ended with it, else 0.
ExitCode run_local_processes(int64_t count, int argc, char** argv, double grace_seconds = 30);

}  // namespace fsc
