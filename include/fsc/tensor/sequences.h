// Sequences packed one after another: which tokens of a batch attend to which.
// Shape suffixes: S sequences, M tokens of all sequences, K keys of all sequences.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <functional>

namespace fsc {

/// What is done to each tensor of something, those that are undefined left out.
using TensorVisitor = std::function<void(torch::Tensor&)>;

/// A `thing` with each_tensor on another device; nobody waits for the copies where its memory allows that.
template <class Thing>
Thing copied_to(Thing thing, torch::Device device) {
  thing.each_tensor([&](torch::Tensor& tensor) { tensor = tensor.to(device, /*non_blocking=*/true); });
  return thing;
}

/// Tokens offsets[s] ... offsets[s + 1] - 1 of [M, W] are sequence s. It attends among its keys, which end with its own tokens;
/// what stands before them are tokens of other sequences that it has in common with them (a shared prefix).
struct Sequences {
  int64_t count = 0;
  int64_t longest = 0;  ///< keys of the longest sequence
  bool causal = false;  ///< a token sees the keys up to itself only
  /// int32; undefined = every sequence has `longest` tokens and sees only them (images).
  torch::Tensor offsets_S1 = {};
  /// Rows of [M, W] and where each sequence's begin, int32; undefined = every sequence sees its own tokens only.
  torch::Tensor keys_K = {}, key_offsets_S1 = {};

  static Sequences uniform(int64_t count, int64_t length, bool causal = false) { return {count, length, causal}; }
  bool is_uniform() const { return !offsets_S1.defined(); }
  bool shares() const { return keys_K.defined(); }
  void each_tensor(const TensorVisitor& visit);
  Sequences to(torch::Device device) const { return copied_to(*this, device); }
};

}  // namespace fsc
