// What the tests of fsc-eval share: a tiny random model and photos.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/eval/tasks.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/model_folder.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc::test {

inline ArchConfig tiny_arch() {
  ArchConfig arch;
  arch.name = "tiny-eval";
  arch.embed_dim = 16;
  arch.vision.image_size = 32;
  arch.vision.patch_size = 16;
  arch.vision.width = 32;
  arch.vision.layers = 1;
  arch.vision.head_width = 16;
  arch.text.width = 32;
  arch.text.heads = 2;
  arch.text.layers = 1;
  return arch;
}

inline LoadedModel tiny_model(uint64_t seed = 1) {
  LoadedModel loaded{{tiny_arch(), default_preprocess(tiny_arch())}, ClipModel(tiny_arch())};
  loaded.model->initialize(seed);
  return loaded;
}

inline const Tokenizer& clip_tokenizer() {
  static const auto tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
  return *tokenizer;
}

/// A photo of tests/data/images.
inline std::filesystem::path photo(const std::string& name) { return std::filesystem::path(FSC_TEST_DATA) / "images" / name; }

inline void copy_photo(const std::string& name, const std::filesystem::path& to) {
  std::filesystem::create_directories(to.parent_path());
  std::filesystem::copy_file(photo(name), to);
}

/// The image or text whose number is `i` in embeddings_of.
inline ImageRef image(int64_t i) { return ImageRef(std::to_string(i)); }
inline std::string text(int64_t i) { return std::to_string(i); }

/// Embeddings of given features, normalised: row i is image(i)'s and text(i)'s.
inline Embeddings embeddings_of(torch::Tensor images, torch::Tensor texts) {
  static const Inputs numbered = [] {
    Inputs inputs;
    for (int64_t i = 0; i < 1000; ++i) inputs.add_image(image(i)), inputs.add_text(text(i));
    return inputs;
  }();
  Embeddings embeddings{images / images.norm(2, 1, true), texts / texts.norm(2, 1, true), {}, &numbered};
  for (int64_t i = 0; i < texts.size(0); ++i) embeddings.text_rows.push_back(i);
  return embeddings;
}

/// A task's findings and the tree over them.
inline TaskResult result_of(const Task& task, const Embeddings& embeddings, const Rules& rules) {
  Findings findings = task.score(embeddings);
  Score total = aggregate(findings, rules);
  return {"", TaskKind::kComposition, rules, std::move(total), std::move(findings.outcomes)};
}

inline double subtask(const TaskResult& result, const std::string& name) {
  for (const auto& [key, value] : subtasks_of(result.total))
    if (key == name) return value;
  ADD_FAILURE() << "no subtask " << name;
  return -1;
}

}  // namespace fsc::test
