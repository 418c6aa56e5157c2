// Numbers what items refer to, and reads their images.
#include "fsc/eval/inputs.h"

#include <fmt/format.h>

#include "fsc/image/decode.h"

namespace fsc {

std::string ImageRef::crop_text() const {
  return crop ? fmt::format(" ({}, {}, {}, {})", crop->left, crop->top, crop->right, crop->bottom) : "";
}

torch::Tensor read_image(const ImageRef& image) {
  const torch::Tensor whole = decode_image_file(image.path);
  return image.crop ? crop_image(whole, *image.crop, image.text()) : whole;
}

void Inputs::add_image(const ImageRef& image) {
  if (image_numbers_.emplace(image, static_cast<int64_t>(images_.size())).second) images_.push_back(image);
}

void Inputs::add_text(const std::string& text) {
  if (text_numbers_.emplace(text, static_cast<int64_t>(texts_.size())).second) texts_.push_back(text);
}

int64_t Inputs::image(const ImageRef& image) const {
  const auto it = image_numbers_.find(image);
  TORCH_CHECK(it != image_numbers_.end(), "an image that was not added: ", image.text());
  return it->second;
}

int64_t Inputs::text(const std::string& text) const {
  const auto it = text_numbers_.find(text);
  TORCH_CHECK(it != text_numbers_.end(), "a text that was not added: ", text);
  return it->second;
}

std::string Inputs::listing() const {
  std::string lines;
  for (const auto& text : texts_) lines += text + "\n";
  for (const auto& image : images_) lines += image.name() + "\n";
  return lines;
}

}  // namespace fsc
