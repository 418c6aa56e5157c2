// --nproc of the programs that run on several ranks.
#pragma once
#include <CLI/CLI.hpp>

#include <cstdint>

#include "fsc/dist/launch.h"

namespace fsc {

class LocalProcesses {
 public:
  void declare(CLI::App& app) {
    app.add_option("--nproc", count_,
                   "start so many processes on this machine, a CUDA device each (see docs/cluster.md for more of them)")
        ->check(CLI::Range(1, 1024));
  }
  /// Whether this process has only to start the others, by run().
  bool wanted() const { return count_ > 1 && !is_local_process(); }
  int run(int argc, char** argv) const { return static_cast<int>(run_local_processes(count_, argc, argv)); }

 private:
  int64_t count_ = 0;
};

}  // namespace fsc
