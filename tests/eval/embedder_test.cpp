// Embeddings: equal to the model's own, each distinct input once, broken images listed.
#include "fsc/eval/embedder.h"

#include <gtest/gtest.h>

#include <limits>

#include "eval_support.h"
#include "fsc/image/decode.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using test::expect_error;
using test::TempDir;

const std::vector<std::string> kPhotos = {"rgb.png", "rgb420.jpg", "grey.jpg", "large.jpg", "tall.jpg", "lossy.webp", "rgba.png"};

Inputs photo_inputs() {
  Inputs inputs;
  for (const auto& name : kPhotos) inputs.add_image(test::photo(name));
  return inputs;
}

torch::Tensor features_alone(LoadedModel& loaded, const std::filesystem::path& path) {
  torch::NoGradGuard no_graph;
  return loaded.model->encode_images(eval_transform(decode_image_file(path), loaded.preprocess).unsqueeze(0)).features_BD[0];
}

TEST(Embedder, ImagesInOrderForAnyBatchAndWorkers) {
  LoadedModel loaded = test::tiny_model();
  const Inputs inputs = photo_inputs();
  for (const EmbedOptions& options : {EmbedOptions{64, 1}, EmbedOptions{3, 2}, EmbedOptions{1, 5}}) {
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
  for (const auto& text : texts) inputs.add_text(text);
  const Embeddings embeddings = embed(loaded, test::clip_tokenizer(), inputs, {3, 1}, {});
  EXPECT_EQ(embeddings.texts_UD.size(0), 5);  // three spellings of the dog that runs have the same tokens
  EXPECT_EQ(embeddings.text_rows[0], embeddings.text_rows[1]);
  EXPECT_EQ(embeddings.text_rows[0], embeddings.text_rows[5]);
  torch::NoGradGuard no_graph;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = test::clip_tokenizer().encode(texts[i], 77);
    const torch::Tensor alone = loaded.model->encode_texts(make_text_rows({&ids}, {})).features_RD[0];
    EXPECT_TRUE(torch::allclose(embeddings.texts_UD[embeddings.text_rows[i]], alone, 0, 2e-6)) << texts[i];
  }
}

TEST(Embedder, SiglipsTextsFillTheContext) {
  const ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json");
  LoadedModel loaded{{arch, default_preprocess(arch)}, ClipModel(arch)};
  loaded.model->initialize(4);
  const auto tokenizer = load_sentencepiece_tokenizer(FSC_TEST_DATA "/golden/spiece.model");
  Inputs inputs;
  const std::vector<std::string> texts = {"a red dog", "A red dog!", "",
                                          "two small cats near the old stone bridge and a wooden chair, large"};
  for (const auto& text : texts) inputs.add_text(text);
  const Embeddings embeddings = embed(loaded, *tokenizer, inputs, {2, 1}, {});
  EXPECT_EQ(embeddings.text_rows[0], embeddings.text_rows[1]);
  torch::NoGradGuard no_graph;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], 16);
    const torch::Tensor alone = loaded.model->encode_texts(make_text_rows({&ids}, {.pad_id = 1, .width = 16})).features_RD[0];
    EXPECT_TRUE(torch::allclose(embeddings.texts_UD[embeddings.text_rows[i]], alone, 0, 2e-6)) << texts[i];
  }
}

TEST(Embedder, TellsProgress) {
  LoadedModel loaded = test::tiny_model();
  Inputs inputs = photo_inputs();
  for (const char* text : {"a", "b", "c"}) inputs.add_text(text);
  std::string told;
  embed(loaded, test::clip_tokenizer(), inputs, {2, 2}, [&](const char* what, int64_t done, int64_t total) {
    told += what + std::to_string(done) + "/" + std::to_string(total) + " ";
  });
  EXPECT_EQ(told, "texts2/3 texts3/3 images2/7 images4/7 images6/7 images7/7 ");
}

TEST(Embedder, ACropIsAnImageOfItsOwn) {
  LoadedModel loaded = test::tiny_model();
  const ImageRef whole(test::photo("rgb.png")), part(test::photo("rgb.png"), PixelBox{5, 3, 30, 27});
  Inputs inputs;
  inputs.add_image(whole);
  inputs.add_image(part);
  inputs.add_text("a");
  const Embeddings embeddings = embed(loaded, test::clip_tokenizer(), inputs, {2, 2}, {});
  ASSERT_EQ(embeddings.images_ID.size(0), 2);
  torch::NoGradGuard no_graph;
  const torch::Tensor pixels = decode_image_file(part.path).slice(0, 3, 27).slice(1, 5, 30).contiguous();
  const torch::Tensor alone = loaded.model->encode_images(eval_transform(pixels, loaded.preprocess).unsqueeze(0)).features_BD[0];
  EXPECT_TRUE(torch::allclose(embeddings.images_ID[embeddings.image_row(part)], alone, 0, 2e-6));
  EXPECT_FALSE(torch::allclose(embeddings.images_ID[embeddings.image_row(whole)], alone, 0, 1e-4));
}

TEST(Embedder, ABadCropIsABadImage) {
  LoadedModel loaded = test::tiny_model();
  Inputs inputs;
  inputs.add_image({test::photo("rgb.png"), PixelBox{5, 3, 5, 38}});
  inputs.add_text("a");
  expect_error(
      [&] {
        embed(loaded, test::clip_tokenizer(), inputs, {2, 2}, {});
      },
      ExitCode::kFailed, {"1 of 1 images", "rgb.png (5, 3, 5, 38)", "0 x 35"});
}

TEST(Embedder, ListsBrokenImages) {
  TempDir dir;
  LoadedModel loaded = test::tiny_model();
  Inputs inputs = photo_inputs();
  for (int i = 0; i < 12; ++i) {
    test::copy_photo("broken/truncated.jpg", dir / ("broken" + std::to_string(i) + ".jpg"));
    inputs.add_image(dir / ("broken" + std::to_string(i) + ".jpg"));
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
  inputs.add_text("fine");
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
  LoadedModel loaded{{arch, default_preprocess(arch)}, ClipModel(arch)};
  expect_error([&] { embed(loaded, test::clip_tokenizer(), photo_inputs(), {}, {}); }, ExitCode::kFailed, {"600", "49408"});
}

}  // namespace
}  // namespace fsc
