// Pads texts to a rectangle, and keeps the index tensors that say what each row is.
#include "fsc/tensor/text_rows.h"

#include <algorithm>

namespace fsc {

TextRows make_text_rows(const std::vector<const TokenIds*>& texts, const TextLayout& layout) {
  TORCH_CHECK(!texts.empty(), "no texts to make rows of");
  int64_t width = layout.width;
  if (width == 0)
    for (const auto* text : texts) width = std::max(width, static_cast<int64_t>(text->size()));
  const auto R = static_cast<int64_t>(texts.size());
  TextRows rows{torch::full({R, width}, layout.pad_id, torch::kInt64), torch::zeros({R, width}, torch::kBool)};
  for (int64_t r = 0; r < R; ++r) {
    const TokenIds& text = *texts[static_cast<size_t>(r)];
    const auto length = static_cast<int64_t>(text.size());
    TORCH_CHECK(length <= width, "a text of ", length, " tokens in a context of ", width);
    std::copy(text.begin(), text.end(), rows.ids_RT.data_ptr<int64_t>() + r * width);
    if (layout.width > 0) rows.valid_RT[r].slice(0, 0, length).fill_(true);
  }
  if (layout.width > 0) return rows;
  rows.valid_RT = rows.ids_RT > 0;
  rows.valid_RT.select(1, 0).fill_(false);  // SOT
  return rows;
}

void TextRoles::add(std::string group, torch::Tensor rows_BN) {
  TORCH_CHECK(!has(group), "two groups of texts are called ", group);
  TORCH_CHECK(rows_BN.dim() == 2, "the group ", group, " has rows of shape ", rows_BN.sizes(), ", [B,N] is expected");
  groups_.emplace_back(std::move(group), std::move(rows_BN));
}

bool TextRoles::has(const std::string& group) const {
  return std::any_of(groups_.begin(), groups_.end(), [&](const auto& one) { return one.first == group; });
}

const torch::Tensor& TextRoles::rows_BN(const std::string& group) const {
  std::string names;
  for (const auto& [name, rows] : groups_) {
    if (name == group) return rows;
    names += " " + name;
  }
  TORCH_CHECK(false, "the batch has no group of texts called ", group, "; it has:", names);
}

TextRoles TextRoles::with(const std::string& group, torch::Tensor rows_BN) const {
  TextRoles other = *this;
  std::erase_if(other.groups_, [&](const auto& one) { return one.first == group; });
  other.add(group, std::move(rows_BN));
  return other;
}

TextRoles TextRoles::to(torch::Device device) const {
  TextRoles there;
  there.owner_R = owner_R.to(device, /*non_blocking=*/true);
  for (const auto& [name, rows] : groups_) there.groups_.emplace_back(name, rows.to(device, /*non_blocking=*/true));
  return there;
}

}  // namespace fsc
