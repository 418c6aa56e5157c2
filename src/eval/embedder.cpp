// Threads decode images ahead of the model; texts go in order of length so that little padding is computed.
#include "fsc/eval/embedder.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <numeric>
#include <thread>

#include "fsc/core/error.h"
#include "fsc/data/collate.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr size_t kListed = 10;  // culprits named in a message

[[noreturn]] void throw_bad_images(const std::vector<std::string>& bad, size_t total) {
  std::string text = std::to_string(bad.size()) + " of " + std::to_string(total) +
                     " images cannot be read; mend or replace them, or correct the task's folders:";
  for (size_t i = 0; i < std::min(bad.size(), kListed); ++i) text += "\n  " + bad[i];
  if (bad.size() > kListed) text += "\n  ... and " + std::to_string(bad.size() - kListed) + " more";
  throw Error(text);
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
  const std::string start(head, sizeof head);
  const bool known = start.compare(0, 2, "\xFF\xD8") == 0 || start.compare(0, 4, "\x89PNG") == 0 ||
                     (start.compare(0, 4, "RIFF") == 0 && start.compare(8, 4, "WEBP") == 0);
  return known ? "" : "is no JPEG, PNG or WebP file";
}

/// Images 0, 1, 2, ... as model input, made by worker threads at most a few batches ahead.
class ImageReader {
 public:
  ImageReader(const std::vector<ImageRef>& images, const Preprocess& preprocess, const EmbedOptions& options)
      : images_(images), preprocess_(preprocess), cache_(options.pixels), window_(4 * options.batch_size) {
    if (cache_) cache_->prepare(preprocess, images.size());
    at::get_num_threads();  // the main thread's count is fixed before workers choose theirs
    for (int64_t i = 0; i < options.workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~ImageReader() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wanted_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  /// Pixels of the next image, or why there are none.
  struct Made {
    torch::Tensor pixels;
    std::string problem;
    std::exception_ptr failure;  ///< anything but a bad image
  };
  Made take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return ready_.count(next_) > 0; });
    Made made = std::move(ready_.extract(next_).mapped());
    ++next_;
    wanted_.notify_all();
    if (made.failure) std::rethrow_exception(made.failure);
    return made;
  }

 private:
  void work() {
    at::set_num_threads(1);
    torch::NoGradGuard no_graph;
    while (true) {
      int64_t index = 0;
      {
        std::unique_lock lock(mutex_);
        wanted_.wait(lock, [this] { return stopping_ || taken_ < next_ + window_; });
        if (stopping_ || taken_ >= static_cast<int64_t>(images_.size())) return;
        index = taken_++;
      }
      Made made;
      const auto place = static_cast<size_t>(index);
      try {
        if (cache_) made.pixels = cache_->get(place);
        if (!made.pixels.defined()) {
          made.pixels = eval_transform(read_image(images_[place]), preprocess_);
          if (cache_) cache_->put(place, made.pixels);
        }
      } catch (const Error& error) {
        made.problem = error.what();
      } catch (...) {
        made.failure = std::current_exception();
      }
      std::lock_guard lock(mutex_);
      ready_.emplace(index, std::move(made));
      arrived_.notify_all();
    }
  }

  const std::vector<ImageRef>& images_;
  const Preprocess& preprocess_;
  PixelCache* const cache_;
  const int64_t window_;
  std::mutex mutex_;
  std::condition_variable arrived_, wanted_;
  std::map<int64_t, Made> ready_;
  int64_t taken_ = 0, next_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

/// Number of the first row that holds NaN or infinity, -1 for none.
int64_t first_bad_row(const torch::Tensor& features) {
  const torch::Tensor bad = features.isfinite().all(1).logical_not().nonzero();
  return bad.size(0) ? bad[0][0].item<int64_t>() : -1;
}

torch::Tensor embed_images(LoadedModel& model, const std::vector<ImageRef>& images, const EmbedOptions& options,
                           const EmbedProgress& progress) {
  const auto device = model.model->logit_scale.device();
  const auto total = static_cast<int64_t>(images.size());
  torch::Tensor features = torch::zeros({total, model.model->arch().embed_dim});
  ImageReader reader(images, model.preprocess, options);
  std::vector<std::string> bad;
  for (int64_t begin = 0; begin < total; begin += options.batch_size) {
    const int64_t end = std::min(begin + options.batch_size, total);
    std::vector<torch::Tensor> batch;
    for (int64_t i = begin; i < end; ++i) {
      auto made = reader.take();
      if (made.problem.empty())
        batch.push_back(made.pixels);
      else
        bad.push_back(made.problem);
    }
    // After a broken image the rest is only looked through, to name all that are broken.
    if (bad.empty())
      features.slice(0, begin, end)
          .copy_(model.model->encode_images(torch::stack(batch).to(device, model.model->logit_scale.scalar_type())).features_BD);
    if (progress) progress("images", end, total);
  }
  if (!bad.empty()) throw_bad_images(bad, images.size());
  if (const int64_t row = first_bad_row(features); row >= 0)
    throw NotFiniteError("the model gives NaN or infinity for the image " + images[static_cast<size_t>(row)].text() +
                         "; its weights are damaged");
  return features;
}

/// The distinct token sequences of all texts and the number of each text's.
struct Sequences {
  std::vector<TokenIds> ids;
  std::vector<int64_t> rows;
  std::vector<size_t> example;  ///< a text of each sequence
};

Sequences tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t context_length) {
  Sequences sequences;
  std::map<TokenIds, int64_t> seen;
  int64_t truncated = 0, mojibake = 0, invalid = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    EncodeReport report;
    auto ids = tokenizer.encode(texts[i], context_length, &report);
    truncated += report.truncated, mojibake += report.mojibake, invalid += report.invalid_utf8;
    const auto [it, fresh] = seen.emplace(std::move(ids), static_cast<int64_t>(sequences.ids.size()));
    if (fresh) {
      sequences.ids.push_back(it->first);
      sequences.example.push_back(i);
    }
    sequences.rows.push_back(it->second);
  }
  if (truncated + mojibake + invalid > 0)
    spdlog::warn("of {} texts {} are cut to {} tokens, {} look wrongly decoded, {} are not valid UTF-8", texts.size(), truncated,
                 context_length, mojibake, invalid);
  return sequences;
}

torch::Tensor embed_sequences(LoadedModel& model, const Tokenizer& tokenizer, const Sequences& sequences,
                              const EmbedOptions& options, const EmbedProgress& progress) {
  const auto device = model.model->logit_scale.device();
  const TextLayout layout = text_layout(tokenizer, model.model->arch().text.context_length);
  std::vector<int64_t> order(sequences.ids.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t i) { return sequences.ids[static_cast<size_t>(i)].size(); };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) < length(b); });
  const auto total = static_cast<int64_t>(order.size());
  torch::Tensor features = torch::zeros({total, model.model->arch().embed_dim});
  for (int64_t begin = 0; begin < total; begin += options.batch_size) {
    const int64_t end = std::min(begin + options.batch_size, total);
    const std::vector<int64_t> rows(order.begin() + begin, order.begin() + end);
    std::vector<const TokenIds*> texts;
    for (const int64_t row : rows) texts.push_back(&sequences.ids[static_cast<size_t>(row)]);
    const torch::Tensor ids = make_text_rows(texts, layout).ids_RT;
    features.index_copy_(0, torch::tensor(rows),
                         model.model->encode_texts(ids.to(device)).features_RD.to(torch::kCPU, torch::kFloat));
    if (progress) progress("texts", end, total);
  }
  return features;
}

}  // namespace

void PixelCache::prepare(const Preprocess& preprocess, size_t images) {
  const int64_t bytes_each = 3 * preprocess.size * preprocess.size * static_cast<int64_t>(sizeof(float));
  const size_t kept = std::min(images, static_cast<size_t>(bytes_ / bytes_each));
  if (pixels_.size() == kept && preprocess_ == preprocess) return;
  preprocess_ = preprocess;
  pixels_.assign(kept, {});
}

void check_images(const std::vector<ImageRef>& images) {
  std::vector<std::string> bad;
  for (const auto& image : images)
    if (const std::string problem = image_problem(image.path); !problem.empty()) bad.push_back(image.text() + " " + problem);
  if (!bad.empty()) throw_bad_images(bad, images.size());
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
  const Sequences sequences = tokenize(tokenizer, inputs.texts(), text.context_length);
  embeddings.text_rows = sequences.rows;
  embeddings.texts_UD = embed_sequences(model, tokenizer, sequences, options, progress);
  if (const int64_t row = first_bad_row(embeddings.texts_UD); row >= 0)
    throw NotFiniteError("the model gives NaN or infinity for the text \"" +
                         inputs.texts()[sequences.example[static_cast<size_t>(row)]] + "\"; its weights are damaged");
  embeddings.images_ID = embed_images(model, inputs.images(), options, progress);
  return embeddings;
}

}  // namespace fsc
