// Rows are made in rounds of some batches a rank, then gathered and put into their places.
#include <nlohmann/json.hpp>

#include "eval/detail_turns.h"
#include "fsc/dist/gather.h"
#include "fsc/dist/together.h"

namespace fsc::detail {
namespace {

constexpr int64_t kBatchesARound = 16;  // of each rank: a small part of what is to do, and longer than the meeting takes

}  // namespace

std::vector<int64_t> Turns::inputs_of(int64_t rank, int64_t first, int64_t last) const {
  std::vector<int64_t> inputs;
  for (int64_t batch = first + rank; batch < last; batch += world_.size())
    for (int64_t i = begin(batch); i < end(batch); ++i) inputs.push_back(i);
  return inputs;
}

torch::Tensor Turns::rows(int64_t width, torch::Device device, const Make& make, const Told& told) const {
  const int64_t ranks = world_.size(), round = kBatchesARound * ranks;
  torch::Tensor all = torch::zeros({total_, width});
  bool whole = true;
  for (int64_t first = 0; first < batches(); first += round) {
    const int64_t last = std::min(first + round, batches());
    std::vector<torch::Tensor> own = {torch::empty({0, width}, device)};
    bool here = whole;
    for (int64_t batch = first + world_.rank(); batch < last; batch += ranks) {
      own.push_back(make(begin(batch), end(batch), here));
      here = here && own.back().defined();
      if (told) told(std::min(begin(batch - world_.rank() + ranks), total_));
    }
    whole = !any(world_, !here);
    if (whole) place(own, first, last, all);
  }
  return all;
}

void Turns::place(const std::vector<torch::Tensor>& own, int64_t first, int64_t last, torch::Tensor& all) const {
  std::vector<int64_t> counts, places;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const auto inputs = inputs_of(rank, first, last);
    counts.push_back(static_cast<int64_t>(inputs.size()));
    places.insert(places.end(), inputs.begin(), inputs.end());
  }
  std::vector<torch::Tensor> same;
  for (const auto& rows : own) same.push_back(rows.to(torch::kFloat));
  all.index_copy_(0, torch::tensor(places), gather_rows(world_, torch::cat(same), counts).to(torch::kCPU));
}

Problems problems_of_all(World& world, const Problems& here) {
  if (world.size() == 1) return here;
  const auto words = nlohmann::json(here).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  Problems all;
  for (const auto& there : world.channel().all_gather(words)) all.merge(nlohmann::json::parse(there).get<Problems>());
  return all;
}

}  // namespace fsc::detail
