// Every distinct image and token sequence of a suite through the model, once.
#pragma once
#include <functional>
#include <memory>

#include "fsc/dist/together.h"
#include "fsc/dist/world.h"
#include "fsc/eval/inputs.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/model_folder.h"

namespace fsc {

/// Model inputs of the first images of a suite, kept between runs; of one preprocessing at a time. Of several ranks each keeps
/// those that it reads.
class PixelCache {
 public:
  explicit PixelCache(int64_t bytes) : bytes_(bytes) {}
  /// Before a run: forgets what was made for another preprocessing or other images.
  void prepare(const Preprocess& preprocess, size_t images);
  /// May be called by several threads for different images.
  torch::Tensor get(size_t image) const { return image < pixels_.size() ? pixels_[image] : torch::Tensor(); }
  void put(size_t image, const torch::Tensor& pixels) {
    if (image < pixels_.size()) pixels_[image] = pixels;
  }

 private:
  int64_t bytes_;
  Preprocess preprocess_;
  std::vector<torch::Tensor> pixels_;
};

struct EmbedOptions {
  int64_t batch_size = 64;
  int64_t workers = 2;  ///< threads that decode and resize
  PixelCache* pixels = nullptr;
  /// Its ranks share the work. What they make, whatever their number, are the batches of one process.
  std::shared_ptr<World> world = lone_world();
};

/// Told what is being done and how much of it is.
using EmbedProgress = std::function<void(const char* what, int64_t done, int64_t total)>;

/// Error lists the first ten images that are missing, empty or of a kind that is not read, and their count. Reads a few bytes
/// of each; a rank looks at those that embed() will have it read.
void check_images(const std::vector<ImageRef>& images, const EmbedOptions& options = {});

/// The model gave NaN or infinity; names the first input.
class NotFiniteError : public CommonError {
 public:
  using CommonError::CommonError;
};

/// float32, without gradients; `inputs` must outlive the result, `progress` may be empty. Every rank of the world must call it,
/// and gets all features. Error lists the first ten images that cannot be decoded and their count; NotFiniteError.
Embeddings embed(LoadedModel& model, const Tokenizer& tokenizer, const Inputs& inputs, const EmbedOptions& options,
                 const EmbedProgress& progress);

}  // namespace fsc
