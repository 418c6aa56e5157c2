// What the forgetting guard probes where guard.suite names nothing: whoever starts a run hands it in.
#pragma once
#include <filesystem>
#include <functional>

#include "fsc/eval/suite.h"

namespace fsc {

/// Makes a suite for the run in a folder, below which it may write what the suite reads. The same run must get the same suite.
using ProbeSuite = std::function<SuiteConfig(const std::filesystem::path& run)>;

/// What the guard weighs against each other: tasks of composition, and tasks that could be forgotten (zero-shot, retrieval).
bool has_composition(const SuiteConfig& suite);
bool has_forgettable(const SuiteConfig& suite);

}  // namespace fsc
