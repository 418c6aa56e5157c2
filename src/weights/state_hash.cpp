// One line a tensor, "name [shape] digest of its float32 values"; the hash is that of the sorted lines.
#include "fsc/weights/state_hash.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "fsc/core/digest.h"

namespace fsc {

std::string state_hash(const StateDict& state) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : state.entries()) {
    const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    std::ostringstream line;
    line << name << ' ' << values.sizes() << ' '
         << sha256_hex({static_cast<const char*>(values.data_ptr()), static_cast<size_t>(values.nbytes())}) << '\n';
    lines.push_back(line.str());
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line;
  return sha256_hex(text);
}

}  // namespace fsc
