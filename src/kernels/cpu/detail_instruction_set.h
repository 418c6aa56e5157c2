// Which of an operation's CPU loops run.
#pragma once
#include <cstddef>
#include <vector>

namespace fsc::detail {

enum class InstructionSet { kPortable, kAvx2, kAvx512, kAvx512Bf16 };
inline constexpr size_t kInstructionSets = 4;

const char* name_of(InstructionSet set);
/// From the plainest to the best of this processor.
std::vector<InstructionSet> usable_instruction_sets();
/// The best one, or what a UseInstructionSet says.
InstructionSet instruction_set();

/// For tests: while it lives, the loops of one usable set run. Not for two threads at a time.
class UseInstructionSet {
 public:
  explicit UseInstructionSet(InstructionSet set);
  ~UseInstructionSet();
  UseInstructionSet(const UseInstructionSet&) = delete;
  UseInstructionSet& operator=(const UseInstructionSet&) = delete;

 private:
  InstructionSet before_;
};

/// Of a table {portable, avx2, avx512, avx512_bf16} the entry that runs; one without loops of its own repeats the one before it.
template <typename Loops>
const Loops& chosen(const Loops* const (&sets)[kInstructionSets]) {
  return *sets[static_cast<size_t>(instruction_set())];
}

}  // namespace fsc::detail
