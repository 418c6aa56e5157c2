// Threads decode images ahead of the model; texts go in order of their tokens, so that prompts of one template share its
// beginning.
#include "fsc/eval/embedder.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <numeric>

#include "eval/detail_turns.h"
#include "fsc/core/error.h"
#include "fsc/core/ordered_workers.h"
#include "fsc/data/collate.h"
#include "fsc/image/format.h"
#include "fsc/tensor/worker_thread.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr size_t kListed = 10;  // culprits named in a message

/// Throws on all ranks where any has found some.
void throw_bad_images(World& world, const detail::Problems& here, size_t total) {
  const auto bad = detail::problems_of_all(world, here);
  if (bad.empty()) return;
  std::string text = std::to_string(bad.size()) + " of " + std::to_string(total) +
                     " images cannot be read; mend or replace them, or correct the task's folders:";
  size_t listed = 0;
  for (const auto& [number, problem] : bad)
    if (listed++ < kListed) text += "\n  " + problem;
  if (bad.size() > kListed) text += "\n  ... and " + std::to_string(bad.size() - kListed) + " more";
  throw CommonError(text);
}

/// What is plainly wrong with an image file, "" for nothing.
std::string image_problem(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return "does not exist";
  if (fs::is_directory(path, error)) return "is a folder";
  std::ifstream file(path, std::ios::binary);
  if (!file) return "cannot be opened";
  char head[12] = {};
  file.read(head, sizeof head);
  if (file.gcount() == 0) return "is empty";
  const bool known = image_format({head, static_cast<size_t>(file.gcount())}).has_value();
  return known ? "" : "is no JPEG, PNG or WebP file";
}

/// Pixels of an image as model input, or why there are none.
struct PreparedImage {
  torch::Tensor pixels;
  std::string problem;
};

PreparedImage prepare_image(const ImageRef& image, size_t number, const Preprocess& preprocess, PixelCache* cache) {
  PreparedImage prepared;
  try {
    if (cache) prepared.pixels = cache->get(number);
    if (prepared.pixels.defined()) return prepared;
    prepared.pixels = eval_transform(read_image(image), preprocess);
    if (cache) cache->put(number, prepared.pixels);
  } catch (const Error& error) {
    prepared.problem = error.what();
  }
  return prepared;
}

/// Number of the first row that holds NaN or infinity, -1 for none.
int64_t first_bad_row(const torch::Tensor& features) {
  const torch::Tensor bad = features.isfinite().all(1).logical_not().nonzero();
  return bad.size(0) ? bad[0][0].item<int64_t>() : -1;
}

detail::Turns::Told told(const EmbedProgress& progress, const char* what, const detail::Turns& turns) {
  if (!progress) return {};
  return [&progress, what, total = turns.total()](int64_t done) { progress(what, done, total); };
}

torch::Tensor embed_images(LoadedModel& model, const std::vector<ImageRef>& images, const EmbedOptions& options,
                           const EmbedProgress& progress) {
  const torch::Tensor& like = model.model->logit_scale;
  const detail::Turns turns(*options.world, static_cast<int64_t>(images.size()), options.batch_size);
  const auto own = turns.own_inputs();
  if (options.pixels) options.pixels->prepare(model.preprocess, images.size());
  fix_thread_count();
  OrderedWorkers<PreparedImage> reader({
      .threads = options.workers,
      .window = 4 * options.batch_size,
      .end = static_cast<int64_t>(own.size()),
      .heeds_stop = false,  // a probe that was begun is finished: a resumed run would not repeat it
      .begin =
          [&](int64_t i, size_t) {
            return [&, number = static_cast<size_t>(own[static_cast<size_t>(i)])] {
              return prepare_image(images[number], number, model.preprocess, options.pixels);
            };
          },
      .on_thread = begin_worker_thread,
  });
  detail::Problems bad;
  // After a broken image the rest is only looked through, to name all that are broken.
  const auto make = [&](int64_t begin, int64_t end, bool wanted) {
    std::vector<torch::Tensor> batch;
    for (int64_t i = begin; i < end; ++i) {
      const PreparedImage image = reader.take();
      if (image.problem.empty())
        batch.push_back(image.pixels);
      else
        bad[static_cast<size_t>(i)] = image.problem;
    }
    if (!wanted || !bad.empty()) return torch::Tensor();
    return model.model->encode_images(torch::stack(batch).to(like.device(), like.scalar_type())).features_BD;
  };
  const torch::Tensor features = turns.rows(model.model->arch().embed_dim, like.device(), make, told(progress, "images", turns));
  throw_bad_images(*options.world, bad, images.size());
  if (const int64_t row = first_bad_row(features); row >= 0)
    throw NotFiniteError("the model gives NaN or infinity for the image " + images[static_cast<size_t>(row)].text() +
                         "; its weights are damaged");
  return features;
}

/// The distinct token sequences of all texts and the number of each text's.
struct DistinctTexts {
  std::vector<TokenIds> ids;
  std::vector<int64_t> rows;
  std::vector<size_t> example;  ///< a text of each sequence
};

DistinctTexts tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t context_length) {
  DistinctTexts distinct;
  std::map<TokenIds, int64_t> seen;
  int64_t truncated = 0, mojibake = 0, invalid = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    EncodeReport report;
    auto ids = tokenizer.encode(texts[i], context_length, &report);
    truncated += report.truncated, mojibake += report.mojibake, invalid += report.invalid_utf8;
    const auto [it, fresh] = seen.emplace(std::move(ids), static_cast<int64_t>(distinct.ids.size()));
    if (fresh) {
      distinct.ids.push_back(it->first);
      distinct.example.push_back(i);
    }
    distinct.rows.push_back(it->second);
  }
  if (truncated + mojibake + invalid > 0)
    spdlog::warn("of {} texts {} are cut to {} tokens, {} look wrongly decoded, {} are not valid UTF-8", texts.size(), truncated,
                 context_length, mojibake, invalid);
  return distinct;
}

torch::Tensor embed_texts(LoadedModel& model, const Tokenizer& tokenizer, const DistinctTexts& distinct,
                          const EmbedOptions& options, const EmbedProgress& progress) {
  const auto device = model.model->logit_scale.device();
  const TextLayout layout = text_layout(tokenizer, model.model->arch().text.context_length);
  std::vector<int64_t> order(distinct.ids.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto ids = [&](int64_t i) -> const TokenIds& { return distinct.ids[static_cast<size_t>(i)]; };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return ids(a) < ids(b); });  // all are distinct
  const detail::Turns turns(*options.world, static_cast<int64_t>(order.size()), options.batch_size);
  const auto make = [&](int64_t begin, int64_t end, bool) {
    std::vector<const TokenIds*> texts;
    for (int64_t i = begin; i < end; ++i) texts.push_back(&ids(order[static_cast<size_t>(i)]));
    return model.model->encode_texts(make_text_rows(texts, layout).to(device)).features_RD;
  };
  const torch::Tensor ordered = turns.rows(model.model->arch().embed_dim, device, make, told(progress, "texts", turns));
  return torch::zeros_like(ordered).index_copy_(0, torch::tensor(order), ordered);
}

}  // namespace

void PixelCache::prepare(const Preprocess& preprocess, size_t images) {
  const int64_t bytes_each = 3 * preprocess.size * preprocess.size * static_cast<int64_t>(sizeof(float));
  const size_t kept = std::min(images, static_cast<size_t>(bytes_ / bytes_each));
  if (pixels_.size() == kept && preprocess_ == preprocess) return;
  preprocess_ = preprocess;
  pixels_.assign(kept, {});
}

void check_images(const std::vector<ImageRef>& images, const EmbedOptions& options) {
  detail::Problems bad;
  for (const int64_t i : detail::Turns(*options.world, static_cast<int64_t>(images.size()), options.batch_size).own_inputs()) {
    const auto number = static_cast<size_t>(i);
    const std::string problem = image_problem(images[number].path);
    if (!problem.empty()) bad[number] = images[number].text() + " " + problem;
  }
  throw_bad_images(*options.world, bad, images.size());
}

Embeddings embed(LoadedModel& model, const Tokenizer& tokenizer, const Inputs& inputs, const EmbedOptions& options,
                 const EmbedProgress& progress) {
  const auto& text = model.model->arch().text;
  if (text.vocab_size != tokenizer.vocab_size())
    throw Error("the model has " + std::to_string(text.vocab_size) + " token embeddings, the tokenizer " +
                std::to_string(tokenizer.vocab_size()) + " tokens; give the model its own tokenizer");
  c10::InferenceMode inference;
  Embeddings embeddings;
  embeddings.inputs = &inputs;
  const DistinctTexts distinct = tokenize(tokenizer, inputs.texts(), text.context_length);
  embeddings.text_rows = distinct.rows;
  embeddings.texts_UD = embed_texts(model, tokenizer, distinct, options, progress);
  if (const int64_t row = first_bad_row(embeddings.texts_UD); row >= 0)
    throw NotFiniteError("the model gives NaN or infinity for the text \"" +
                         inputs.texts()[distinct.example[static_cast<size_t>(row)]] + "\"; its weights are damaged");
  embeddings.images_ID = embed_images(model, inputs.images(), options, progress);
  return embeddings;
}

}  // namespace fsc
