// The images and texts that a suite's items refer to, and their features.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fsc/image/crop.h"

namespace fsc {

/// An image of an item: a file, or a part of what it shows.
struct ImageRef {
  std::filesystem::path path;    ///< without what leads nowhere (lexically_normal)
  std::optional<PixelBox> crop;  ///< in pixels of the decoded image

  ImageRef(const std::filesystem::path& file, std::optional<PixelBox> part = {}) : path(file.lexically_normal()), crop(part) {}
  bool operator==(const ImageRef&) const = default;
  /// For people: the path, or the file's name alone, and the crop if there is one.
  std::string text() const { return path.string() + crop_text(); }
  std::string name() const { return path.filename().string() + crop_text(); }

 private:
  std::string crop_text() const;
};
struct ImageRefHash {
  size_t operator()(const ImageRef& image) const { return std::hash<std::string>()(image.text()); }
};

/// Decoded and cropped: uint8 [H,W,3]. Error as for decode_image_file and crop_image.
torch::Tensor read_image(const ImageRef& image);

/// All distinct images and texts of a suite, numbered in the order in which they are first added.
class Inputs {
 public:
  void add_image(const ImageRef& image);
  void add_text(const std::string& text);
  /// The number; what was not added has none (a programmer's mistake).
  int64_t image(const ImageRef& image) const;
  int64_t text(const std::string& text) const;
  const std::vector<ImageRef>& images() const { return images_; }
  const std::vector<std::string>& texts() const { return texts_; }
  /// Every text, then every image's name, a line each: what a digest of them is made of.
  std::string listing() const;

 private:
  std::vector<ImageRef> images_;
  std::vector<std::string> texts_;
  std::unordered_map<ImageRef, int64_t, ImageRefHash> image_numbers_;
  std::unordered_map<std::string, int64_t> text_numbers_;
};

/// Normalised features of all inputs on the CPU. Texts with equal tokens share a row, so that they always score equal.
struct Embeddings {
  torch::Tensor images_ID;         ///< float32, row = image number
  torch::Tensor texts_UD;          ///< float32, one row a distinct token sequence
  std::vector<int64_t> text_rows;  ///< text number -> row of texts_UD
  const Inputs* inputs = nullptr;  ///< must outlive this

  int64_t image_row(const ImageRef& image) const { return inputs->image(image); }
  int64_t text_row(const std::string& text) const { return text_rows[static_cast<size_t>(inputs->text(text))]; }
};

}  // namespace fsc
