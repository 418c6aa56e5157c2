// The sigmoid loss on the CPU, tile by tile.
#include <numeric>
#include <vector>

#include "kernels/cpu/detail_cosine_tiles.h"
#include "kernels/detail_backends.h"

namespace fsc::detail {

torch::Tensor sigmoid_forward_cpu(const SigmoidInputs& in) {
  const auto images = in.image_BD.detach().to(torch::kFloat32), texts = in.text_WD.detach().to(torch::kFloat32);
  const float scale = in.scale.item<float>(), bias = in.bias.item<float>();
  std::vector<double> losses(static_cast<size_t>(TileGrid(images.size(0), texts.size(0)).size()));
  for_each_cosine_tile(images, texts, in.offset, [&](const TilePlace& place, const CosineTile& tile) {
    losses[static_cast<size_t>(place.number)] = contrastive_loops().sigmoid(tile, scale, bias);
  });
  const double sum = std::accumulate(losses.begin(), losses.end(), 0.0);
  return torch::scalar_tensor(sum / static_cast<double>(images.size(0)), torch::kFloat32);
}

SigmoidGradients sigmoid_backward_cpu(const SigmoidInputs& in, const torch::Tensor& gradient) {
  const auto images = in.image_BD.detach().to(torch::kFloat32), texts = in.text_WD.detach().to(torch::kFloat32);
  auto image_BD = torch::zeros_like(images), text_WD = torch::zeros_like(texts);
  const float scale = in.scale.item<float>(), bias = in.bias.item<float>();
  const float weight = gradient.item<float>() / static_cast<float>(images.size(0));
  std::vector<SigmoidSlopes> slopes(static_cast<size_t>(TileGrid(images.size(0), texts.size(0)).size()));
  for_each_cosine_tile(images, texts, in.offset, [&](const TilePlace& place, const CosineTile& tile) {
    slopes[static_cast<size_t>(place.number)] = contrastive_loops().differentiate_sigmoid(tile, scale, bias, weight);
    add_gradients(place, tile, images, texts, image_BD, text_WD);
  });
  SigmoidSlopes sum;
  for (const auto& tile : slopes) sum = {sum.bias + tile.bias, sum.scale + tile.scale};
  return {image_BD.to(in.image_BD.scalar_type()), text_WD.to(in.text_WD.scalar_type()),
          torch::scalar_tensor(sum.scale, torch::kFloat32), torch::scalar_tensor(sum.bias, torch::kFloat32)};
}

}  // namespace fsc::detail
