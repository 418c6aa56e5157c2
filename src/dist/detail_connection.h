// What a world of several processes stands on: the store, the other ranks' hosts, and this host's network device.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "dist/detail_c10d.h"
#include "dist/detail_meeting.h"
#include "fsc/dist/layout.h"

namespace fsc::detail {

struct Connection {
  StorePtr store;  ///< of this attempt
  std::vector<std::string> hosts;
  std::string address;  ///< of this host, for the others; "" = that of the interface which the environment names
};

/// Meets rank 0 and waits for all ranks. Error: who is missing or there twice.
Connection connect(const Layout& layout, const MeetingConfig& config, const Deadline& deadline);

/// A group of Gloo's; to be made by all ranks at the same time. Error: this host cannot reach the others.
BackendPtr gloo_group(const Connection& connection, const Layout& layout, const std::string& name, int threads,
                      double setup_seconds, double seconds);

}  // namespace fsc::detail
