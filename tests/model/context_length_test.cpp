// Other context lengths against the official code's --force-context-length (make_context.py).
#include "fsc/model/context_length.h"

#include <gtest/gtest.h>

#include "fsc/model/clip_model.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using torch::Tensor;

ArchConfig tiny_arch(const std::string& variant, int64_t context_length) {
  ArchConfig arch = ArchConfig::load(std::string(FSC_TEST_DATA) + "/models/" + variant + ".json");
  arch.text.context_length = context_length;
  return arch;
}

double largest_gap(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

class ContextLength : public testing::TestWithParam<int64_t> {};

TEST_P(ContextLength, PositionsAndFeaturesEqualTheOfficialCodes) {
  const std::string length = std::to_string(GetParam());
  const test::Golden golden = test::read_golden("context.safetensors");
  ClipModel whole(tiny_arch("tiny-quickgelu", 77)), model(tiny_arch("tiny-quickgelu", GetParam()));
  test::fill_model(*whole);
  std::vector<std::string> notes;
  const StateDict fitted = with_context_length(state_dict(*whole), GetParam(), notes);
  EXPECT_TRUE(load_state(*model, fitted, "x").empty()) << "nothing left to fit";
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("from 77 to"), std::string::npos) << notes[0];
  const Tensor positions = *state_dict(*model).find("positional_embedding");
  EXPECT_EQ(positions.sizes(), golden.at(length + "/positional_embedding").sizes());
  EXPECT_LE(largest_gap(positions, golden.at(length + "/positional_embedding")), 1e-7);
  const torch::NoGradGuard no_grad;
  EXPECT_LE(largest_gap(model->encode_texts(test::text_rows(golden.at(length + "/ids"))).features_RD,
                        golden.at(length + "/text_features")),
            1e-6);
}

INSTANTIATE_TEST_SUITE_P(ShorterAndLonger, ContextLength, testing::Values(12, 100));

TEST(WithContextLength, AShorterOneIsCutBitForBit) {
  ClipModel whole(tiny_arch("tiny", 77));
  test::fill_model(*whole);
  const StateDict state = state_dict(*whole);
  std::vector<std::string> notes;
  const StateDict cut = with_context_length(state, 40, notes);
  EXPECT_EQ(notes, std::vector<std::string>{"text position embedding cut from 77 to its first 40 positions"});
  EXPECT_TRUE(torch::equal(*cut.find("positional_embedding"), state.find("positional_embedding")->slice(0, 0, 40)));
  for (const auto& [name, tensor] : state.entries()) {
    if (name == "positional_embedding") continue;
    EXPECT_EQ(cut.find(name)->data_ptr(), tensor.data_ptr()) << name;
  }
}

TEST(WithContextLength, ItsOwnLengthIsLeftAlone) {
  StateDict state;
  state.add("text.positional_embedding", torch::rand({9, 4}));
  state.add("visual.positional_embedding", torch::rand({5, 4}));
  std::vector<std::string> notes;
  const StateDict same = with_context_length(state, 9, notes);
  EXPECT_TRUE(notes.empty());
  for (const auto& [name, tensor] : state.entries()) EXPECT_EQ(same.find(name)->data_ptr(), tensor.data_ptr()) << name;
  EXPECT_EQ(with_context_length(state, 7, notes).find("text.positional_embedding")->size(0), 7) << "of a custom text tower too";
  EXPECT_EQ(with_context_length(state, 7, notes).find("visual.positional_embedding")->size(0), 5) << "the image has no context";
}

}  // namespace
}  // namespace fsc
