// Matrix products of 16 x 16 x 16 by a warp: nvcuda::wmma for bf16 and half with float accumulation.
//
// Which elements a lane holds differs from every device's choice: kernels must not know it.
#pragma once
#include <cstdint>
#include <type_traits>

#include "support/cuda_on_host/floats.h"
#include "support/cuda_on_host/warp.h"

namespace nvcuda::wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int kM, int kN, int kK, class T, class Layout = void>
struct fragment {
  static_assert(kM == 16 && kN == 16 && kK == 16);
  static_assert(std::is_same_v<Use, accumulator> ? std::is_same_v<T, float>
                                                 : std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __half>);
  static constexpr int num_elements = 8;
  T x[num_elements];
};

namespace detail {

using fsc::cuda_on_host::Block;
using fsc::cuda_on_host::Place;
using fsc::cuda_on_host::Warp;

/// Element e of a lane's fragment is number 32 e + lane of the 256, in rows.
inline int element(int e) { return 32 * e + static_cast<int>(Block::running().lane()); }

inline float value(__nv_bfloat16 x) { return __bfloat162float(x); }
inline float value(__half x) { return __half2float(x); }

/// What the devices ask of a tile in memory.
template <class T>
void check_tile(const T* tile, unsigned stride, const Place& place) {
  if (reinterpret_cast<uintptr_t>(tile) % 32 || stride * sizeof(T) % 16)
    Block::running().fail("wmma at " + fsc::cuda_on_host::text_of(place) +
                          ": a tile begins at a multiple of 32 bytes, its rows at one of 16");
}
inline void together(const char* operation, const Place& place) {
  Block::running().meet(operation, ~0u, nullptr, place, [](const Warp&) {});
}
/// All 256 elements of what the lanes hold, as floats.
template <class Fragment>
void gather(void* const* fragments, float (&matrix)[256]) {
  for (int lane = 0; lane < 32; ++lane)
    for (int e = 0; e < 8; ++e) {
      const auto x = static_cast<const Fragment*>(fragments[lane])->x[e];
      if constexpr (std::is_same_v<decltype(x), const float>)
        matrix[32 * e + lane] = x;
      else
        matrix[32 * e + lane] = value(x);
    }
}

}  // namespace detail

template <class Fragment>
void fill_fragment(Fragment& fragment, float value) {
  for (auto& x : fragment.x) x = value;
}

/// Each lane reads as it comes: what another lane writes before must have been waited for.
template <class Use, class T, class Layout>
void load_matrix_sync(fragment<Use, 16, 16, 16, T, Layout>& fragment, const T* tile, unsigned stride,
                      const detail::Place& place = detail::Place::current()) {
  detail::check_tile(tile, stride, place);
  for (int e = 0; e < 8; ++e) {
    const int row = detail::element(e) / 16, column = detail::element(e) % 16;
    fragment.x[e] = std::is_same_v<Layout, col_major> ? tile[column * stride + row] : tile[row * stride + column];
  }
  detail::together("load_matrix_sync", place);
}
inline void load_matrix_sync(fragment<accumulator, 16, 16, 16, float>& fragment, const float* tile, unsigned stride,
                             layout_t layout, const detail::Place& place = detail::Place::current()) {
  detail::check_tile(tile, stride, place);
  for (int e = 0; e < 8; ++e) {
    const int row = detail::element(e) / 16, column = detail::element(e) % 16;
    fragment.x[e] = layout == mem_col_major ? tile[column * stride + row] : tile[row * stride + column];
  }
  detail::together("load_matrix_sync", place);
}
/// Each lane writes when all have come: who reads another lane's part must wait.
inline void store_matrix_sync(float* tile, const fragment<accumulator, 16, 16, 16, float>& fragment, unsigned stride,
                              layout_t layout, const detail::Place& place = detail::Place::current()) {
  detail::check_tile(tile, stride, place);
  detail::together("store_matrix_sync", place);
  for (int e = 0; e < 8; ++e) {
    const int row = detail::element(e) / 16, column = detail::element(e) % 16;
    (layout == mem_col_major ? tile[column * stride + row] : tile[row * stride + column]) = fragment.x[e];
  }
}

template <class D, class A, class B, class C>
void mma_sync(D& d, const A& a, const B& b, const C& c, const detail::Place& place = detail::Place::current()) {
  struct Operands {
    const A* a;
    const B* b;
    C c;
  } mine{&a, &b, c};
  detail::Block::running().meet("mma_sync", ~0u, &mine, place, [](detail::Warp& warp) {
    void *as[32], *bs[32], *cs[32];
    for (int lane = 0; lane < 32; ++lane) {
      auto* operands = static_cast<Operands*>(warp.operands[lane]);
      as[lane] = const_cast<A*>(operands->a);
      bs[lane] = const_cast<B*>(operands->b);
      cs[lane] = &operands->c;
    }
    float left[256], right[256];
    detail::gather<A>(as, left);
    detail::gather<B>(bs, right);
    for (int row = 0; row < 16; ++row) {
      float sums[16] = {};
      for (int k = 0; k < 16; ++k)
        for (int column = 0; column < 16; ++column) sums[column] += left[16 * row + k] * right[16 * k + column];
      for (int column = 0; column < 16; ++column) {
        const int at = 16 * row + column;
        static_cast<C*>(cs[at % 32])->x[at / 32] += sums[column];
      }
    }
  });
  d = mine.c;
}

}  // namespace nvcuda::wmma
