// The tokens that depend on each token of a parse, in text order.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fsc/text/analysis.h"

namespace fsc::detail {

class Children {
 public:
  explicit Children(const std::vector<Token>& tokens) : first_(tokens.size() + 1, 0) {
    const auto count = static_cast<int32_t>(tokens.size());
    const auto head = [&](int32_t i) { return tokens[static_cast<size_t>(i)].head; };
    for (int32_t i = 0; i < count; ++i) first_[static_cast<size_t>(head(i)) + 1] += head(i) != i;  // a root is no child
    for (size_t i = 0; i < tokens.size(); ++i) first_[i + 1] += first_[i];
    children_.resize(first_.back());
    std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
    for (int32_t i = 0; i < count; ++i) {
      if (head(i) != i) children_[next[static_cast<size_t>(head(i))]++] = i;
    }
  }

  std::span<const int32_t> of(int32_t token) const {
    const uint32_t first = first_[static_cast<size_t>(token)];
    return std::span(children_).subspan(first, first_[static_cast<size_t>(token) + 1] - first);
  }

 private:
  std::vector<uint32_t> first_;  ///< where each token's children begin, and the last one's end
  std::vector<int32_t> children_;
};

}  // namespace fsc::detail
