// Asks the processor which instruction sets it has.
#include "kernels/cpu/detail_instruction_set.h"

#include <atomic>

namespace fsc::detail {
namespace {

std::atomic<InstructionSet>& current_set() {
  static std::atomic<InstructionSet> set{usable_instruction_sets().back()};
  return set;
}

}  // namespace

const char* name_of(InstructionSet set) {
  constexpr const char* kNames[kInstructionSets] = {"portable", "avx2", "avx512", "avx512_bf16"};
  return kNames[static_cast<size_t>(set)];
}

std::vector<InstructionSet> usable_instruction_sets() {
  std::vector<InstructionSet> usable{InstructionSet::kPortable};
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return usable;
  usable.push_back(InstructionSet::kAvx2);
  for (const bool has : {__builtin_cpu_supports("avx512f") != 0, __builtin_cpu_supports("avx512bw") != 0,
                         __builtin_cpu_supports("avx512vl") != 0, __builtin_cpu_supports("avx512dq") != 0})
    if (!has) return usable;
  usable.push_back(InstructionSet::kAvx512);
  if (__builtin_cpu_supports("avx512bf16")) usable.push_back(InstructionSet::kAvx512Bf16);
#endif
  return usable;
}

InstructionSet instruction_set() { return current_set(); }

UseInstructionSet::UseInstructionSet(InstructionSet set) : before_(current_set().exchange(set)) {}
UseInstructionSet::~UseInstructionSet() { current_set() = before_; }

}  // namespace fsc::detail
