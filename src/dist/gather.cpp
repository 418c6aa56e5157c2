// One autograd node: rows padded to the largest count travel both ways.
#include "fsc/dist/gather.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>

namespace fsc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

torch::Tensor padded(const torch::Tensor& rows, int64_t count) {
  if (rows.size(0) == count) return rows;
  auto shape = rows.sizes().vec();
  shape[0] = count - rows.size(0);
  return torch::cat({rows, torch::zeros(shape, rows.options())});
}

struct GatherRows : torch::autograd::Function<GatherRows> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& rows, World* world,
                               const std::vector<int64_t>& counts) {
    ctx->saved_data["world"] = reinterpret_cast<int64_t>(world);
    ctx->saved_data["counts"] = counts;
    const int64_t most = *std::max_element(counts.begin(), counts.end());
    const torch::Tensor all = world->all_gather(padded(rows, most));
    std::vector<torch::Tensor> parts;
    for (size_t r = 0; r < counts.size(); ++r) parts.push_back(all.narrow(0, static_cast<int64_t>(r) * most, counts[r]));
    return torch::cat(parts);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    auto* world = reinterpret_cast<World*>(ctx->saved_data["world"].toInt());
    const std::vector<int64_t> counts = ctx->saved_data["counts"].toIntVector();
    const int64_t most = *std::max_element(counts.begin(), counts.end());
    // Sums over many ranks want more digits than two bytes hold.
    const auto dtype = gradients[0].scalar_type();
    const torch::Tensor whole = gradients[0].element_size() < 4 ? gradients[0].to(torch::kFloat32) : gradients[0];
    std::vector<torch::Tensor> parts;
    int64_t first = 0;
    for (const int64_t count : counts) parts.push_back(padded(whole.narrow(0, std::exchange(first, first + count), count), most));
    const torch::Tensor own = world->reduce_scatter(torch::cat(parts));
    return {own.narrow(0, 0, counts[static_cast<size_t>(world->rank())]).to(dtype), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor gather_rows(World& world, const torch::Tensor& rows, const std::vector<int64_t>& counts) {
  TORCH_CHECK(static_cast<int64_t>(counts.size()) == world.size() && counts[static_cast<size_t>(world.rank())] == rows.size(0),
              "gather_rows() needs the number of rows of each of ", world.size(), " ranks, this one's ", rows.size(0),
              " among them");
  if (world.size() == 1) return rows;
  return GatherRows::apply(rows, &world, counts);
}

}  // namespace fsc
