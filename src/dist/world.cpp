// A world of one, and what is the same in every world: names, and the comparison of what ranks say of themselves.
#include "fsc/dist/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "dist/detail_world.h"

namespace fsc {
namespace {

class Done final : public Pending {
 public:
  void wait() override {}
};

class LoneChannel final : public Channel {
 public:
  std::vector<std::string> all_gather(const std::string& words, double) override { return {words}; }
};

class LoneWorld final : public World {
 public:
  explicit LoneWorld(Layout layout) : World(std::move(layout), {detail::host_name()}) {}
  torch::Tensor all_gather(const torch::Tensor& rows) override { return rows; }
  torch::Tensor reduce_scatter(const torch::Tensor& rows) override { return rows; }
  std::unique_ptr<Pending> all_reduce(torch::Tensor) override { return std::make_unique<Done>(); }
  std::unique_ptr<Pending> reduce_to_parts(torch::Tensor) override { return std::make_unique<Done>(); }
  std::unique_ptr<Pending> gather_parts(torch::Tensor) override { return std::make_unique<Done>(); }
  void broadcast(torch::Tensor, int64_t) override {}
  torch::Tensor exchange(const torch::Tensor& sent, int64_t, int64_t) override { return sent; }
  Channel& channel() override { return channel_; }
  std::unique_ptr<Channel> open_channel(const std::string&) override { return std::make_unique<LoneChannel>(); }

 private:
  LoneChannel channel_;
};

struct Said {
  const char* what;
  std::string words;
};

/// What of an introduction must be the same everywhere; of the device only its kind.
std::vector<Said> said_by(const Introduction& self) {
  return {{"version", self.version},
          {"config", self.config_hash},
          {"data", self.data},
          {"weights", self.weights},
          {"kind of device", self.device.substr(0, self.device.find(':'))},
          {"number of parameters", std::to_string(self.parameters)},
          {"batch size", std::to_string(self.batch_size)}};
}

/// Words of any content, one after the other, each behind its length.
std::string packed(const std::vector<Said>& all) {
  std::string text;
  for (const auto& said : all) text += fmt::format("{}:{}", said.words.size(), said.words);
  return text;
}

std::vector<std::string> unpacked(const std::string& text) {
  std::vector<std::string> all;
  for (size_t at = 0; at < text.size();) {
    const size_t colon = text.find(':', at);
    const size_t size = std::stoul(text.substr(at, colon - at));
    all.push_back(text.substr(colon + 1, size));
    at = colon + 1 + size;
  }
  return all;
}

}  // namespace

std::string detail::host_name() {
  if (const auto node = process_environment()("SLURMD_NODENAME")) return *node;
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 && *name ? name : "localhost";
}

std::string World::name_of(int64_t rank) const { return fmt::format("rank {} ({})", rank, hosts_[static_cast<size_t>(rank)]); }

std::shared_ptr<World> detail::lone_world_at(const Layout& layout) { return std::make_shared<LoneWorld>(layout); }

std::shared_ptr<World> lone_world() { return detail::lone_world_at({}); }

void introduce(World& world, const Introduction& self) {
  const auto mine = said_by(self);
  std::vector<std::vector<std::string>> all;
  for (const auto& words : world.channel().all_gather(packed(mine))) all.push_back(unpacked(words));
  std::vector<std::string> lines;
  for (size_t what = 0; what < mine.size(); ++what) {
    std::map<std::string, std::vector<std::string>> others;  // value -> who has it
    for (size_t r = 1; r < all.size(); ++r) {
      const bool whole = all[r].size() == mine.size() && all[0].size() == mine.size();
      if (!whole || all[r][what] != all[0][what])
        others[whole ? all[r][what] : "another version's words"].push_back(world.name_of(static_cast<int64_t>(r)));
    }
    for (const auto& [value, ranks] : others) {
      const std::string first = what < all[0].size() ? all[0][what] : "";
      lines.push_back(fmt::format("{}: {} {} \"{}\", {} has \"{}\"", mine[what].what, fmt::join(ranks, ", "),
                                  ranks.size() == 1 ? "has" : "have", value, world.name_of(0), first));
    }
  }
  if (!lines.empty()) throw Error(fmt::format("the ranks do not agree about what they run: {}", fmt::join(lines, "; ")));
}

}  // namespace fsc
