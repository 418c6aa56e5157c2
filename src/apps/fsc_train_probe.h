// What the forgetting guard probes where the user names no suite.
#pragma once
#include <filesystem>

#include "fsc/eval/suite.h"

namespace fsc {

/// Of configs/eval/{sugarcrepe,zeroshot,retrieval}.yaml the tasks whose files are there; what is then lacking, composition or all
/// that could be forgotten, comes from the synthetic world, drawn into `run`/probe/world. Error: it cannot be written.
SuiteConfig default_probe_suite(const std::filesystem::path& run);

}  // namespace fsc
