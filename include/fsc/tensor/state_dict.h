// Ordered name -> tensor, the currency between model files and models.
#pragma once
#include <torch/types.h>

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fsc {

/// Insertion-ordered map of tensors plus free-form string metadata (safetensors' __metadata__).
class StateDict {
 public:
  using Entry = std::pair<std::string, torch::Tensor>;

  /// Adds a tensor; a second one of the same name is a bug (TORCH_CHECK).
  void add(std::string name, torch::Tensor tensor);
  /// nullptr when absent.
  const torch::Tensor* find(const std::string& name) const;
  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }

  std::map<std::string, std::string> metadata;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace fsc
