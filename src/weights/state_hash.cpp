// One line a tensor, "name [shape] digest of its float32 values"; the hash is that of the sorted lines.
#include "fsc/weights/state_hash.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "fsc/core/digest.h"

namespace fsc {

std::string tensor_hash(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  return sha256_hex({static_cast<const char*>(values.const_data_ptr()), static_cast<size_t>(values.nbytes())});
}

std::string state_hash(const StateDict& state) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : state.entries()) {
    std::ostringstream line;
    line << name << ' ' << tensor.sizes() << ' ' << tensor_hash(tensor) << '\n';
    lines.push_back(line.str());
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line;
  return sha256_hex(text);
}

}  // namespace fsc
