// Vectors of floats as wide as the including file's compile flags allow, for the loops of one instruction set.
//
// Each *_portable.cpp, *_avx2.cpp, *_avx512.cpp ... (fsc_instruction_sets in cmake/FscArea.cmake) includes its loops once. All is
// in an unnamed namespace and nothing of the standard library is called, so that no code made for one instruction set is linked
// where another is expected.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fsc::detail {
namespace {

#if defined(__AVX512F__)
constexpr size_t kLanes = 16;
#elif defined(__AVX2__)
constexpr size_t kLanes = 8;
#else
constexpr size_t kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntVector __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vector load(const float* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}
inline void store(float* to, const Vector& vector) { __builtin_memcpy(to, &vector, sizeof vector); }
inline Vector broadcast(float value) { return value - Vector{}; }

}  // namespace
}  // namespace fsc::detail
