// Embedding on several ranks: the bytes, the messages and the cache of one process.
#include "dist/ranks.h"
#include "eval/eval_support.h"
#include "fsc/eval/embedder.h"

namespace fsc::test {
namespace {

TEST(RankProcess, RunsTheBodyItWasStartedFor) { run_body(); }

/// Photos and parts of one: with batches of one more than two ranks make in a round.
Inputs mixed_inputs() {
  Inputs inputs;
  for (const char* name : {"rgb.png", "rgb420.jpg", "grey.jpg", "large.jpg", "tall.jpg", "lossy.webp", "rgba.png"})
    inputs.add_image(photo(name));
  for (int64_t i = 0; i < 40; ++i) inputs.add_image({photo("rgb.png"), PixelBox{0, 0, 4 + i % 10, 4 + i / 10}});
  for (int i = 0; i < 37; ++i) inputs.add_text("a photo of " + std::to_string(i * 7 % 37) + (i % 3 ? " red cubes" : ""));
  inputs.add_text("A photo of 0");
  return inputs;
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const CommonError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

RANK_BODY(EmbedsAsOne) {
  const auto world = world_of_body();
  LoadedModel loaded = tiny_model();
  const Inputs inputs = mixed_inputs();
  for (const int64_t batch_size : {1, 3, 64}) {
    std::string told;
    const EmbedOptions alone{batch_size, 2}, together{batch_size, 2, nullptr, world};
    const Embeddings should = embed(loaded, clip_tokenizer(), inputs, alone, {});
    const Embeddings is = embed(loaded, clip_tokenizer(), inputs, together, [&](const char* what, int64_t done, int64_t total) {
      told = what + std::to_string(done) + "/" + std::to_string(total);
    });
    EXPECT_TRUE(torch::equal(should.images_ID, is.images_ID)) << batch_size;
    EXPECT_TRUE(torch::equal(should.texts_UD, is.texts_UD)) << batch_size;
    EXPECT_EQ(should.text_rows, is.text_rows);
    EXPECT_TRUE(told == "images47/47" || !world->is_first()) << told;
  }
}

RANK_BODY(KeepsItsOwnPixels) {
  const auto world = world_of_body();
  LoadedModel loaded = tiny_model();
  const Inputs inputs = mixed_inputs();
  PixelCache cache(1 << 20);
  const EmbedOptions options{3, 2, &cache, world};
  const Embeddings first = embed(loaded, clip_tokenizer(), inputs, options, {});
  for (size_t i = 0; i < inputs.images().size(); ++i)
    EXPECT_EQ(cache.get(i).defined(), static_cast<int64_t>(i) / 3 % world->size() == world->rank()) << i;
  EXPECT_TRUE(torch::equal(first.images_ID, embed(loaded, clip_tokenizer(), inputs, options, {}).images_ID));
}

RANK_BODY(TellsWhatOneTells) {
  const auto world = world_of_body();
  LoadedModel loaded = tiny_model();
  Inputs inputs = mixed_inputs();
  std::vector<ImageRef> gone;
  for (int i = 0; i < 12; ++i) {
    const auto file = std::filesystem::path(variable_or("FSC_TEST_DIR", "")) / ("broken" + std::to_string(i) + ".jpg");
    inputs.add_image(file);
    gone.emplace_back(file.string() + ".gone");
  }
  const EmbedOptions alone{2, 2}, together{2, 2, nullptr, world};
  const auto broken = [&](const EmbedOptions& options) {
    return message_of([&] { embed(loaded, clip_tokenizer(), inputs, options, {}); });
  };
  EXPECT_NE(broken(together).find("12 of 59 images cannot be read"), std::string::npos) << broken(together);
  EXPECT_EQ(broken(together), broken(alone));
  const auto missing = [&](const EmbedOptions& options) { return message_of([&] { check_images(gone, options); }); };
  EXPECT_NE(missing(together).find("12 of 12"), std::string::npos);
  EXPECT_EQ(missing(together), missing(alone));
  {
    torch::NoGradGuard no_graph;
    state_dict(*loaded.model).find("visual.proj")->fill_(std::numeric_limits<float>::max());
  }
  const Inputs whole = mixed_inputs();
  EXPECT_NE(message_of([&] { embed(loaded, clip_tokenizer(), whole, together, {}); }).find("NaN or infinity for the image"),
            std::string::npos);
}

class EvalRanks : public testing::TestWithParam<int> {};

TEST_P(EvalRanks, EmbedAsOneProcess) { run_ranks("EmbedsAsOne", GetParam()); }
TEST_P(EvalRanks, KeepTheirOwnPixels) { run_ranks("KeepsItsOwnPixels", GetParam()); }
TEST_P(EvalRanks, TellWhatOneProcessTells) {
  const TempDir dir;
  for (int i = 0; i < 12; ++i) copy_photo("broken/truncated.jpg", dir / ("broken" + std::to_string(i) + ".jpg"));
  run_ranks("TellsWhatOneTells", GetParam(), {{"FSC_TEST_DIR", dir.path().string()}});
}

INSTANTIATE_TEST_SUITE_P(Worlds, EvalRanks, testing::Values(1, 2, 3));

}  // namespace
}  // namespace fsc::test
