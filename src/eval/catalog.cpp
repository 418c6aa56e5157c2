// The one list of benchmarks.
#include <fmt/format.h>

#include "fsc/eval/benchmark.h"

/// A line a benchmark, in the order of --help: NAME for the `Benchmark NAME_benchmark()` of a file in datasets/.
#define FSC_BENCHMARKS(LINE) \
  LINE(sugarcrepe)           \
  LINE(caption_choice)       \
  LINE(zeroshot)             \
  LINE(retrieval)

namespace fsc {

#define FSC_DECLARE(NAME) Benchmark NAME##_benchmark();
FSC_BENCHMARKS(FSC_DECLARE)
#undef FSC_DECLARE

const std::vector<Benchmark>& catalog() {
#define FSC_LIST(NAME) NAME##_benchmark(),
  static const std::vector<Benchmark> all = {FSC_BENCHMARKS(FSC_LIST)};
#undef FSC_LIST
  return all;
}

const Benchmark* find_benchmark(const std::string& name) {
  for (const auto& benchmark : catalog())
    if (benchmark.name == name) return &benchmark;
  return nullptr;
}

const char* kind_name(TaskKind kind) {
  switch (kind) {
    case TaskKind::kComposition:
      return "composition";
    case TaskKind::kZeroShot:
      return "zeroshot";
    case TaskKind::kRetrieval:
      return "retrieval";
  }
  TORCH_CHECK(false, "unknown kind of task");
}

std::string catalog_help() {
  std::string text = "\nlist of tasks\n";
  for (const auto& benchmark : catalog()) {
    std::string keys;
    for (const auto& key : benchmark.required) keys += (keys.empty() ? "" : ", ") + key;
    for (const auto& key : benchmark.optional) keys += ", [" + key + "]";
    text += fmt::format("  {:<15} {}\n                  keys: {}\n", benchmark.name, benchmark.help, keys);
  }
  return text;
}

std::vector<size_t> spread_indices(size_t n, size_t limit) {
  const size_t m = std::min(n, limit);
  std::vector<size_t> indices(m);
  for (size_t i = 0; i < m; ++i) indices[i] = i * n / m;
  return indices;
}

}  // namespace fsc
