// Every distinct image and token sequence of a suite through the model, once.
#pragma once
#include <functional>

#include "fsc/eval/benchmark.h"
#include "fsc/weights/model_folder.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

struct EmbedOptions {
  int64_t batch_size = 64;
  int64_t workers = 2;  ///< threads that decode and resize
};

/// Told what is being done and how much of it is.
using EmbedProgress = std::function<void(const char* what, int64_t done, int64_t total)>;

/// Error lists the first ten images that are missing, empty or of a kind that is not read, and their count. Reads a few bytes
/// each.
void check_images(const std::vector<std::filesystem::path>& images);

/// float32, on the model's device, without gradients; `progress` may be empty. Error lists the first ten images that cannot be
/// decoded and their count; names the first input for which the model gives NaN or infinity.
Embeddings embed(LoadedModel& model, const Tokenizer& tokenizer, const Inputs& inputs, const EmbedOptions& options,
                 const EmbedProgress& progress);

}  // namespace fsc
