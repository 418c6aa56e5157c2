// What the lanes of a warp do together: barrier, shuffles, votes. None of them orders memory beyond its own operands' values.
#pragma once
#include <cstdint>

#include "support/cuda_on_host/block.h"

namespace fsc::cuda_on_host {

/// Every lane gets the value of lane `from`, which each says for itself.
template <class T>
T shuffle(const char* operation, unsigned mask, T value, unsigned from, const Place& place) {
  struct Operand {
    T given, taken;
    unsigned from;
  } mine{value, value, from};
  Block& block = Block::running();
  block.meet(operation, mask, &mine, place, [&](Warp& warp) {
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (!(warp.mask >> lane & 1)) continue;
      auto* operand = static_cast<Operand*>(warp.operands[lane]);
      if (!(warp.mask >> operand->from & 1)) block.fail("a shuffle at " + text_of(place) + " reads a lane outside the mask");
      operand->taken = static_cast<const Operand*>(warp.operands[operand->from])->given;
    }
  });
  return mine.taken;
}
inline unsigned lane() { return Block::running().lane(); }

/// combine(all lanes' predicates, mask) for every lane.
template <class Combine>
unsigned vote(const char* operation, unsigned mask, bool predicate, const Place& place, const Combine& combine) {
  struct Operand {
    bool given;
    unsigned taken;
  } mine{predicate, 0};
  Block::running().meet(operation, mask, &mine, place, [&](Warp& warp) {
    unsigned ballot = 0;
    for (unsigned lane = 0; lane < 32; ++lane)
      if (warp.mask >> lane & 1 && static_cast<const Operand*>(warp.operands[lane])->given) ballot |= 1u << lane;
    for (unsigned lane = 0; lane < 32; ++lane)
      if (warp.mask >> lane & 1) static_cast<Operand*>(warp.operands[lane])->taken = combine(ballot, warp.mask);
  });
  return mine.taken;
}

}  // namespace fsc::cuda_on_host

inline void __syncthreads(const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  fsc::cuda_on_host::Block::running().wait_for_all(place);
}
inline void __syncwarp(unsigned mask = ~0u, const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  fsc::cuda_on_host::Block::running().meet("__syncwarp", mask, nullptr, place, [](const fsc::cuda_on_host::Warp&) {});
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  const unsigned lane = fsc::cuda_on_host::lane();
  return fsc::cuda_on_host::shuffle("__shfl_sync", mask, value, lane / width * width + (source & (width - 1)), place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  const unsigned lane = fsc::cuda_on_host::lane(), from = lane ^ static_cast<unsigned>(lane_mask);
  return fsc::cuda_on_host::shuffle("__shfl_xor_sync", mask, value, from / width > lane / width ? lane : from, place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  const unsigned lane = fsc::cuda_on_host::lane();
  return fsc::cuda_on_host::shuffle("__shfl_down_sync", mask, value, lane % width + delta < unsigned(width) ? lane + delta : lane,
                                    place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  const unsigned lane = fsc::cuda_on_host::lane();
  return fsc::cuda_on_host::shuffle("__shfl_up_sync", mask, value, lane % width >= delta ? lane - delta : lane, place);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  return fsc::cuda_on_host::vote("__ballot_sync", mask, predicate != 0, place, [](unsigned ballot, unsigned) { return ballot; });
}
inline int __any_sync(unsigned mask, int predicate, const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  return static_cast<int>(fsc::cuda_on_host::vote("__any_sync", mask, predicate != 0, place,
                                                  [](unsigned ballot, unsigned) { return unsigned(ballot != 0); }));
}
inline int __all_sync(unsigned mask, int predicate, const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  return static_cast<int>(fsc::cuda_on_host::vote("__all_sync", mask, predicate != 0, place,
                                                  [](unsigned ballot, unsigned all) { return unsigned(ballot == all); }));
}
