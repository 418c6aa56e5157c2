// Token-patch alignment on CUDA: similarities, weights, aligned vectors and cosines by tiles, and the gradients.
//
// Forward: one block has a tile of an image's tokens, of all its texts one after another: similarities with all patches stay in
// shared memory and become the weights in place; of the aligned vectors only the norm is taken, their product with the token is
// the weighted sum of the similarities. Backward: the same blocks compute the aligned vectors again and write the tokens'
// gradients; then one block has 32 patches of an image, computes their weights for each of the image's tokens from what the
// forward kept of it (minimum, maximum ...) and sums the patches' gradient. The aligned vector it needs follows from the token's
// gradient. With
//   n = norms (at least 1e-12), g = dL/dc:   dL/dt = g / n_t (A / n_A - c t / n_t),   dL/dA = g / n_A u,   u = t / n_t - c A /
//   n_A
// Every value is written by one block, in a fixed order of sums. Results do not depend on the order of blocks or of texts'
// owners.
//
// FLOP: 4 V P D forward, 8 V P D backward (6 at least). Bytes: patches and tokens once from memory; from L2 the patches twice for
// every 32 tokens, the tokens and their gradients three times for every 32 patches. Shared memory: see token_tile_bytes,
// patch_tile_bytes.
#pragma once
#include "kernels/cuda/detail_alignment_patches.cuh"
#include "kernels/cuda/detail_alignment_tokens.cuh"

namespace fsc::detail {
namespace {

/// What shared memory of 99 KiB, which every device has, holds.
constexpr int kMostPatches = 1088, kMostPatchesOf32Tokens = 448;

/// launch(kernel, blocks, bytes of dynamic shared memory, arguments) starts a kernel with kThreads threads a block.
template <bool kBackward, class T, class Launch>
void launch_alignment_tokens(const AlignmentArguments<T>& in, const Launch& launch) {
  if (in.tokens == 0 || in.images == 0) return;
  const auto blocks = [&](int tokens) { return in.images * (in.tokens / (in.images * tokens) + 1); };
  if (in.patches <= kMostPatchesOf32Tokens)
    launch(alignment_tokens<T, 32, kBackward>, blocks(32), token_tile_bytes<32>(in.patches), in);
  else
    launch(alignment_tokens<T, 16, kBackward>, blocks(16), token_tile_bytes<16>(in.patches), in);
}

/// Fills rows_V, image_begin_B1, kept_V, score_R.
template <class T, class Launch>
void launch_alignment_forward(const AlignmentArguments<T>& in, const Launch& launch) {
  const AlignmentTexts& texts = in;
  launch(alignment_plan, (in.texts + in.images) / kWarps + 1, size_t{0}, texts);
  launch_alignment_tokens<false>(in, launch);
  if (in.texts > 0) launch(alignment_scores, (in.texts - 1) / kWarps + 1, size_t{0}, texts);
}

/// From kept_V, score_R and score_gradient_R: all other gradients, and rows_V, image_begin_B1 again.
template <class T, class Launch>
void launch_alignment_backward(const AlignmentArguments<T>& in, const Launch& launch) {
  const AlignmentTexts& texts = in;
  launch(alignment_plan, (in.texts + in.images) / kWarps + 1, size_t{0}, texts);
  if (in.texts > 0) launch(alignment_scores_backward, (in.texts - 1) / kWarps + 1, size_t{0}, texts);
  launch_alignment_tokens<true>(in, launch);
  if (in.images > 0) launch(alignment_patches<T>, in.images * patch_tiles(in.patches), patch_tile_bytes<T>(), in);
}

}  // namespace
}  // namespace fsc::detail
