// Makes the worlds that open_world() chooses from.
#pragma once
#include "fsc/dist/world.h"

namespace fsc::detail {

/// This host as messages name it: SLURM's name of the node, else the system's.
std::string host_name();

std::shared_ptr<World> lone_world_at(const Layout& layout);

}  // namespace fsc::detail
