// Sizes and messages of held samples.
#include "data/detail_held_sample.h"

namespace fsc::detail {
namespace {

constexpr uint64_t kOverhead = 512;       // bytes counted for a held sample beside its image and texts
constexpr size_t kLongestProblem = 1000;  // bytes

}  // namespace

uint64_t bytes_of(const RawSample& raw) {
  uint64_t bytes = kOverhead + raw.key.size();
  if (!raw.problem.empty()) return bytes;
  bytes += raw.image_bytes.size() + raw.caption.size();
  for (const auto& text : raw.listed) bytes += text ? text->size() : 0;
  return bytes;
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestProblem) return text;
  size_t end = kLongestProblem;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace fsc::detail
