// What ranks of a training have in common: the same bits everywhere, or an error that names the tensor.
#include "dist/ranks.h"
#include "train/detail_ranks.h"
#include "train/session_support.h"

namespace fsc::test {
namespace {

TEST(RankProcess, RunsTheBodyItWasStartedFor) { run_body(); }

/// Rank 1 of 3 has other bits in one tensor; shared weights are the same again.
RANK_BODY(HasOtherBits) {
  const auto world = world_of_body();
  const SmallRun run;
  Session session = small_session(small_config(run));
  ClipModelImpl& model = *session.learner.model;
  share_weights(*world, model);
  check_same_weights(*world, model, 1);
  const torch::NoGradGuard no_grad;
  torch::Tensor bias = model.named_parameters()["ln_final.bias"];
  if (world->rank() == 1) bias[3] = -0.0;  // equal as a number
  try {
    check_same_weights(*world, model, 7);
    ADD_FAILURE() << "nobody noticed";
  } catch (const Error& error) {
    const std::string words = error.what();
    EXPECT_NE(words.find("after step 7 the weights ln_final.bias of rank 1 are not those of rank 0"), std::string::npos) << words;
  }
  share_weights(*world, model);
  check_same_weights(*world, model, 8);
}

TEST(SameWeights, OneOtherBitIsNamed) { run_ranks("HasOtherBits", 3); }

}  // namespace
}  // namespace fsc::test
