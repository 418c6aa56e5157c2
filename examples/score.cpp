// Loads a checkpoint, encodes an image and texts, and prints how well each text fits: score RUN_FOLDER IMAGE TEXT TEXT...
#include <cstdio>
#include <exception>
#include <vector>

#include "fsc/data/collate.h"
#include "fsc/image/decode.h"
#include "fsc/tensor/text_rows.h"
#include "fsc/weights/model_folder.h"

int main(int argc, char** argv) try {
  if (argc < 4) return std::fprintf(stderr, "usage: score RUN_FOLDER IMAGE TEXT...\n"), 2;
  const torch::NoGradGuard no_gradients;
  fsc::LoadedModel loaded = fsc::load_model(argv[1]);
  const auto tokenizer = fsc::load_tokenizer(loaded.model->arch(), loaded.tokenizer);
  const auto context = loaded.model->arch().text.context_length;

  std::vector<fsc::TokenIds> ids;
  for (int i = 3; i < argc; ++i) ids.push_back(tokenizer->encode(argv[i], context));
  std::vector<const fsc::TokenIds*> rows;
  for (const auto& text : ids) rows.push_back(&text);
  const auto texts = fsc::make_text_rows(rows, fsc::text_layout(*tokenizer, context));

  const auto pixels = fsc::eval_transform(fsc::decode_image_file(argv[2]), loaded.preprocess).unsqueeze(0);
  const auto image_1D = loaded.model->encode_images(pixels).features_BD;
  const auto texts_RD = loaded.model->encode_texts(texts).features_RD;
  const auto share_R = (loaded.model->scale() * texts_RD.matmul(image_1D[0])).softmax(0);
  for (int i = 3; i < argc; ++i) std::printf("%6.2f%%  %s\n", 100 * share_R[i - 3].item<double>(), argv[i]);
} catch (const std::exception& error) {
  return std::fprintf(stderr, "score: %s\n", error.what()), 1;
}
