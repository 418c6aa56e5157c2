// The body that this process was started for.
#include "dist/ranks.h"

namespace fsc::test {
namespace {

TEST(RankProcess, RunsTheBodyItWasStartedFor) { run_body(); }

}  // namespace
}  // namespace fsc::test
