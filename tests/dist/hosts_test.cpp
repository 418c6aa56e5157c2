// Lists of hosts as SLURM writes them.
#include "fsc/dist/layout.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

using Names = std::vector<std::string>;

TEST(Hosts, AreExpanded) {
  const std::vector<std::pair<std::string, Names>> table = {
      {"alone", {"alone"}},
      {"a,b", {"a", "b"}},
      {"node[01-03,7],gpu2", {"node01", "node02", "node03", "node7", "gpu2"}},
      {"node[7,01-02]", {"node7", "node01", "node02"}},
      {"rack[1-2]n[3-4]-ib", {"rack1n3-ib", "rack1n4-ib", "rack2n3-ib", "rack2n4-ib"}},
      {"gpu-a[9-11]", {"gpu-a9", "gpu-a10", "gpu-a11"}},
      {"x[008-010]", {"x008", "x009", "x010"}},
      {"[1-2]n", {"1n", "2n"}},
      {"n[5]", {"n5"}},
      {"a.example.org,b[1-2].example.org", {"a.example.org", "b1.example.org", "b2.example.org"}},
  };
  for (const auto& [list, names] : table) EXPECT_EQ(expand_hosts(list), names) << list;
  EXPECT_EQ(expand_hosts("n[1-65536]").size(), 65536u);
}

TEST(Hosts, BadListsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "without a name"},         {"a,,b", "without a name"},       {"a,", "without a name"},   {"n[1-2", "does not close"},
      {"n1-2]", "do not match"},      {"n[1[2]]", "do not match"},      {"n[3-1]", "backwards"},    {"n[]", "no number"},
      {"n[a-b]", "no number"},        {"n[1-]", "no number"},           {"n[-2]", "no number"},     {"n[1-70000]", "65,536"},
      {"n[1-300]m[1-300]", "65,536"}, {"n[1-9999999999]", "no number"}, {"n[1-65536],m", "65,536"},
  };
  for (const auto& [list, words] : table)
    test::expect_error([&] { expand_hosts(list); }, ExitCode::kFailed, {words, "\"" + list + "\""});
}

}  // namespace
}  // namespace fsc
