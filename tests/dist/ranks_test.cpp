// The body that this process was started for.
#include "dist/ranks.h"

namespace fsc::test {
namespace {

TEST(RankProcess, RunsTheBodyItWasStartedFor) {
  const auto name = variable_or("FSC_TEST_BODY", "");
  if (name.empty()) return;  // an ordinary run of all tests
  int code = 0;
  try {
    rank_bodies().at(name)();
    code = HasFailure() ? 1 : 0;
    if (code == 0) return;
  } catch (const LostRank& error) {
    std::printf("lost: %s\n", error.what());
    code = 1;
  } catch (const Error& error) {
    std::printf("error: %s\n", error.what());
    code = static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::printf("unexpected: %s\n", error.what());
    code = 99;
  }
  std::fflush(stdout);
  std::_Exit(code);
}

}  // namespace
}  // namespace fsc::test
