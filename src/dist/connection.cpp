// Rank 0's store, the roll call in it, and the choice of the address that the others can reach.
#include "dist/detail_connection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>
#include <stdlib.h>

#include <optional>

#include "dist/detail_bounded.h"
#include "dist/detail_pulse.h"
#include "dist/detail_world.h"
#include "fsc/core/error.h"
#include "fsc/core/stop.h"

namespace fsc::detail {
namespace {

constexpr double kPollSeconds = 0.05;
constexpr double kTellSeconds = 0.5;  // for the others to read why this rank gives up
constexpr const char* kFailed = "failed";
constexpr int kErrorsOnly = 2;  // glog's number

void pause_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// A store, or a connection to one. Bounded: LibTorch's client waits without end where another program listens.
StorePtr open_store(const std::string& host, int64_t port, bool serve, const Deadline& deadline) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = serve;
  options.waitWorkers = false;
  options.timeout = milliseconds(std::max(1.0, deadline.left()));
  std::string trouble = "no answer";
  try {
    const auto store =
        within(deadline.left() + 1, [host, options]() -> StorePtr { return c10::make_intrusive<c10d::TCPStore>(host, options); });
    if (store) return *store;
  } catch (const std::exception& error) {
    trouble = words_of(error);
  }
  throw Error(
      fmt::format("cannot use the ranks' store at {} port {} within {:g} s: {}", host, port, deadline.seconds(), trouble));
}

std::string entry(const char* what, int64_t rank) { return fmt::format("{}/{}", what, rank); }

/// Says in the store why the start fails, so that all ranks end with the same words, and throws them.
[[noreturn]] void give_up(c10d::Store& store, const std::string& why) {
  store.set(kFailed, why);
  pause_for(kTellSeconds);
  throw Error(why);
}

/// One look: true when all are there.
bool all_there(c10d::Store& store, const Layout& layout, const Deadline& deadline) {
  std::vector<std::string> keys, missing;
  for (int64_t r = 0; r < layout.size; ++r) keys.push_back(entry("host", r));
  if (store.check(keys)) return true;
  if (store.check({kFailed})) throw Error(store.get_to_str(kFailed));
  if (!deadline.over()) return false;
  for (int64_t r = 0; r < layout.size; ++r) {
    if (!store.check({entry("host", r)})) missing.push_back(std::to_string(r));
  }
  give_up(store,
          fmt::format("after {:g} s {} of {} ranks {} missing: {} {} (rank 0 is on {}, and the others look for it at {} port {})",
                      deadline.seconds(), missing.size(), layout.size, missing.size() == 1 ? "is" : "are",
                      missing.size() == 1 ? "rank" : "ranks", fmt::join(missing, ", "), store.get_to_str(entry("host", 0)),
                      layout.address, layout.port));
}

/// Every rank's host, told by itself.
std::vector<std::string> call_the_roll(c10d::Store& store, const Layout& layout, const Deadline& deadline) {
  const std::string host = host_name();
  if (store.add(entry("here", layout.rank), 1) > 1) {
    give_up(store, fmt::format("two processes say that they are rank {} of {} (one of them on {}): start each rank once",
                               layout.rank, layout.size, host));
  }
  Pulse::first_beat(store, layout.rank);
  store.set(entry("host", layout.rank), host);
  while (!all_there(store, layout, deadline)) {
    if (stop_requested()) {
      store.set(kFailed, fmt::format("rank {} ({}) received {} while the ranks met", layout.rank, host, stop_signal()));
      throw Stopped();
    }
    pause_for(kPollSeconds);
  }
  std::vector<std::string> hosts;
  for (int64_t r = 0; r < layout.size; ++r) hosts.push_back(store.get_to_str(entry("host", r)));
  return hosts;
}

/// This host's address for the others. The name that a host has for itself may mean 127.0.1.1, where nobody else gets; so it is
/// the address on the way to rank 0 and, where that is this host, on the way to another.
std::string own_address(c10d::Store& store, const Layout& layout, const Deadline& deadline) {
  std::string own = address_towards(layout.address, deadline);
  store.set(entry("address", layout.rank), own);
  std::vector<std::string> keys;
  for (int64_t r = 0; r < layout.size; ++r) keys.push_back(entry("address", r));
  while (!store.check(keys) && !deadline.over()) {
    if (store.check({kFailed})) throw Error(store.get_to_str(kFailed));
    pause_for(kPollSeconds / 5);
  }
  if (!is_loopback(own)) return own;
  for (const auto& key : keys) {
    const std::string other = store.check({key}) ? store.get_to_str(key) : own;
    if (!is_loopback(other)) return address_towards(other, deadline);
  }
  return own;
}

Connection meet(StorePtr store, const Layout& layout, const Deadline& deadline) {
  Connection connection{
      .store = c10::make_intrusive<c10d::PrefixStore>("fsc/" + layout.attempt, std::move(store)), .hosts = {}, .address = {}};
  auto& board = *connection.store;
  connection.hosts = call_the_roll(board, layout, deadline);
  try {
    if (!process_environment()("GLOO_SOCKET_IFNAME")) connection.address = own_address(board, layout, deadline);
  } catch (const Error& error) {
    give_up(board,
            fmt::format("rank {} ({}): {}", layout.rank, connection.hosts[static_cast<size_t>(layout.rank)], error.what()));
  }
  return connection;
}

}  // namespace

Connection connect(const Layout& layout, const MeetingConfig& config, const Deadline& deadline) {
  if (!config.interface.empty()) {
    if (::if_nametoindex(config.interface.c_str()) == 0) {
      throw Error(fmt::format("rank {} ({}) has no network interface {}, which distributed.interface names", layout.rank,
                              host_name(), config.interface));
    }
    for (const char* name : {"GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"}) ::setenv(name, config.interface.c_str(), 1);
  }
  // Errors only: that a store is gone is said in our own words, LibTorch's warning would come with a trace.
  if (!::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = kErrorsOnly;
  address_towards(layout.address, deadline);  // every rank says it when the address means nothing
  StorePtr store;
  std::optional<Meeting> meeting;
  if (layout.served_store) {
    store = open_store(layout.address, layout.port, /*serve=*/false, deadline);
  } else if (layout.is_first()) {
    store = open_store("127.0.0.1", 0, /*serve=*/true, deadline);
    meeting.emplace(layout, static_cast<c10d::TCPStore&>(*store).getPort());
  } else {
    const StorePlace place = find_store(layout, deadline);
    store = open_store(place.host, place.port, /*serve=*/false, deadline);
  }
  try {
    // A rank that stops while the others meet must not hold them in a call to the store.
    auto connection = within(deadline.left() + 5, [store, layout, deadline] { return meet(store, layout, deadline); });
    if (connection) return *connection;
  } catch (const c10::Error& error) {
    throw Error(fmt::format("rank {} lost the ranks' store at {}: {}", layout.rank, layout.address, words_of(error)));
  }
  throw Error(fmt::format("rank 0's store at {} did not answer within {:g} s", layout.address, deadline.seconds()));
}

BackendPtr gloo_group(const Connection& connection, const Layout& layout, const std::string& name, int threads,
                      double setup_seconds, double seconds) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto make = [store = connection.store, address = connection.address, name, threads, setup_seconds,
                     rank = static_cast<int>(layout.rank), size = static_cast<int>(layout.size)]() -> BackendPtr {
    const auto limit = milliseconds(setup_seconds);
    auto options = address.empty() ? Gloo::Options::create_default(limit) : Gloo::Options::create(limit);
    if (!address.empty()) options->devices.push_back(Gloo::createDeviceForHostname(address));
    options->threads = threads;
    return c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>(name, store), rank, size, options);
  };
  std::string trouble = "no answer";
  try {
    if (auto group = within(setup_seconds + 5, make)) {
      (*group)->setTimeout(milliseconds(seconds));
      return *group;
    }
  } catch (const std::exception& error) {
    trouble = words_of(error);
  }
  throw Error(
      fmt::format("rank {} ({}{}) and the other ranks cannot reach each other within {:g} s: {}; is it the right network? "
                  "distributed.interface names another",
                  layout.rank, connection.hosts[static_cast<size_t>(layout.rank)],
                  connection.address.empty() ? "" : ", " + connection.address, setup_seconds, trouble));
}

}  // namespace fsc::detail
