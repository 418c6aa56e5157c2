// Embeddings: equal to the model's own, each distinct input once, broken images listed.
#include "fsc/eval/embedder.h"

#include <gtest/gtest.h>

#include <limits>

#include "eval_support.h"
#include "fsc/image/decode.h"

namespace fsc {
namespace {

using test::expect_error;
using test::TempDir;

const std::vector<std::string> kPhotos = {"rgb.png", "rgb420.jpg", "grey.jpg", "large.jpg", "tall.jpg", "lossy.webp", "rgba.png"};

Inputs photo_inputs() {
  Inputs inputs;
  for (const auto& name : kPhotos) inputs.image(test::photo(name));
  return inputs;
}

torch::Tensor features_alone(LoadedModel& loaded, const std::filesystem::path& path) {
  torch::NoGradGuard no_graph;
  return loaded.model->encode_images(eval_transform(decode_image_file(path), loaded.preprocess).unsqueeze(0)).features_BD[0];
}

TEST(Embedder, ImagesInOrderForAnyBatchAndWorkers) {
  LoadedModel loaded = test::tiny_model();
  const Inputs inputs = photo_inputs();
  for (const EmbedOptions options : {EmbedOptions{64, 1}, EmbedOptions{3, 2}, EmbedOptions{1, 5}}) {
    const Embeddings embeddings = embed(loaded, test::clip_tokenizer(), inputs, options, {});
    ASSERT_EQ(embeddings.images_ID.sizes(), (std::vector<int64_t>{7, 16}));
    EXPECT_FALSE(embeddings.images_ID.requires_grad());
    for (size_t i = 0; i < kPhotos.size(); ++i)
      EXPECT_TRUE(torch::allclose(embeddings.images_ID[static_cast<int64_t>(i)], features_alone(loaded, test::photo(kPhotos[i])),
                                  0, 2e-6))
          << kPhotos[i];
  }
}

TEST(Embedder, TextsEqualFullLengthEncoding) {
  LoadedModel loaded = test::tiny_model();
  Inputs inputs;
  std::string longest = "word";
  for (int i = 0; i < 100; ++i) longest += " word";
  const std::vector<std::string> texts = {"A dog runs.", "a  DOG runs.", "",     "two men on a motorcycle near a red house",
                                          longest,       "a dog runs .", "a dog"};
  for (const auto& text : texts) inputs.text(text);
  const Embeddings embeddings = embed(loaded, test::clip_tokenizer(), inputs, {3, 1}, {});
  EXPECT_EQ(embeddings.texts_UD.size(0), 5);  // three spellings of the dog that runs have the same tokens
  EXPECT_EQ(embeddings.row(0), embeddings.row(1));
  EXPECT_EQ(embeddings.row(0), embeddings.row(5));
  torch::NoGradGuard no_graph;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = test::clip_tokenizer().encode(texts[i], 77);
    torch::Tensor padded = torch::zeros({1, 77}, torch::kLong);
    padded.slice(1, 0, static_cast<int64_t>(ids.size())).copy_(torch::tensor(ids));
    const torch::Tensor alone = loaded.model->encode_texts(padded).features_RD[0];
    EXPECT_TRUE(torch::allclose(embeddings.texts_UD[embeddings.row(static_cast<int64_t>(i))], alone, 0, 2e-6)) << texts[i];
  }
}

TEST(Embedder, SiglipsTextsFillTheContext) {
  const ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json");
  LoadedModel loaded{ClipModel(arch), default_preprocess(arch)};
  loaded.model->initialize(4);
  const auto tokenizer = load_sentencepiece_tokenizer(FSC_TEST_DATA "/golden/spiece.model");
  Inputs inputs;
  const std::vector<std::string> texts = {"a red dog", "A red dog!", "",
                                          "two small cats near the old stone bridge and a wooden chair, large"};
  for (const auto& text : texts) inputs.text(text);
  const Embeddings embeddings = embed(loaded, *tokenizer, inputs, {2, 1}, {});
  EXPECT_EQ(embeddings.row(0), embeddings.row(1));
  torch::NoGradGuard no_graph;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], 16);
    torch::Tensor padded = torch::ones({1, 16}, torch::kLong);
    padded[0].slice(0, 0, static_cast<int64_t>(ids.size())).copy_(torch::tensor(ids));
    const torch::Tensor alone = loaded.model->encode_texts(padded).features_RD[0];
    EXPECT_TRUE(torch::allclose(embeddings.texts_UD[embeddings.row(static_cast<int64_t>(i))], alone, 0, 2e-6)) << texts[i];
  }
}

TEST(Embedder, TellsProgress) {
  LoadedModel loaded = test::tiny_model();
  Inputs inputs = photo_inputs();
  for (const char* text : {"a", "b", "c"}) inputs.text(text);
  std::string told;
  embed(loaded, test::clip_tokenizer(), inputs, {2, 2}, [&](const char* what, int64_t done, int64_t total) {
    told += what + std::to_string(done) + "/" + std::to_string(total) + " ";
  });
  EXPECT_EQ(told, "texts2/3 texts3/3 images2/7 images4/7 images6/7 images7/7 ");
}

TEST(Embedder, ListsBrokenImages) {
  TempDir dir;
  LoadedModel loaded = test::tiny_model();
  Inputs inputs = photo_inputs();
  for (int i = 0; i < 12; ++i) {
    test::copy_photo("broken/truncated.jpg", dir / ("broken" + std::to_string(i) + ".jpg"));
    inputs.image(dir / ("broken" + std::to_string(i) + ".jpg"));
  }
  expect_error(
      [&] {
        embed(loaded, test::clip_tokenizer(), inputs, {4, 2}, {});
      },
      ExitCode::kFailed, {"12 of 19 images cannot be read", "broken0.jpg", "broken9.jpg", "... and 2 more"});
}

TEST(Embedder, ChecksFilesQuickly) {
  EXPECT_NO_THROW(check_images(photo_inputs().images()));
  const auto broken = test::photo("broken");
  expect_error(
      [&] {
        check_images({broken / "empty.jpg", broken / "text.jpg", broken, broken / "no.jpg"});
      },
      ExitCode::kFailed, {"4 of 4", "empty.jpg is empty", "text.jpg is no JPEG", "broken is a folder", "no.jpg does not exist"});
}

TEST(Embedder, NamesWhatGivesNan) {
  LoadedModel loaded = test::tiny_model();
  Inputs inputs = photo_inputs();
  inputs.text("fine");
  const StateDict weights = state_dict(*loaded.model);
  torch::NoGradGuard no_graph;
  weights.find("visual.proj")->fill_(std::numeric_limits<float>::max());
  expect_error([&] { embed(loaded, test::clip_tokenizer(), inputs, {}, {}); }, ExitCode::kFailed, {"NaN or infinity", "rgb.png"});
  weights.find("text_projection")->fill_(std::numeric_limits<float>::max());
  expect_error([&] { embed(loaded, test::clip_tokenizer(), inputs, {}, {}); }, ExitCode::kFailed,
               {"NaN or infinity", "\"fine\""});
}

TEST(Embedder, RefusesAnotherVocabulary) {
  ArchConfig arch = test::tiny_arch();
  arch.text.vocab_size = 600;
  LoadedModel loaded{ClipModel(arch), default_preprocess(arch)};
  expect_error([&] { embed(loaded, test::clip_tokenizer(), photo_inputs(), {}, {}); }, ExitCode::kFailed, {"600", "49408"});
}

}  // namespace
}  // namespace fsc
