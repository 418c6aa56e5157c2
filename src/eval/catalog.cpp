// The one list of benchmarks: a new one is a file in datasets/ and a line here.
#include <fmt/format.h>

#include "datasets/detail_datasets.h"
#include "fsc/eval/benchmark.h"

namespace fsc {

const std::vector<Benchmark>& catalog() {
  static const std::vector<std::string> table = {"format", "image_root", "image_column", "caption_column", "split"};
  static const std::vector<Benchmark> all = {
      {"sugarcrepe",
       TaskKind::kComposition,
       "the seven JSON files of SugarCrepe in root, COCO val2017 photos in images",
       {"root", "images"},
       {},
       read_sugarcrepe},
      {"caption_choice",
       TaskKind::kComposition,
       "one JSON file shaped like SugarCrepe's at path, its photos in images",
       {"path", "images"},
       {},
       read_caption_choice},
      {"zeroshot",
       TaskKind::kZeroShot,
       "one folder of photos a class in root; label = rank of the folder's name in byte order",
       {"root"},
       {"classnames", "templates"},
       read_image_folder},
      {"retrieval",
       TaskKind::kRetrieval,
       "a table with one image and caption a row, COCO's or Karpathy's JSON; rows of the same image are its captions",
       {"path"},
       table,
       read_retrieval_table},
  };
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

int64_t Inputs::image(const std::filesystem::path& path) {
  const auto normal = path.lexically_normal();
  const auto [it, fresh] = image_numbers_.emplace(normal.string(), static_cast<int64_t>(images_.size()));
  if (fresh) images_.push_back(normal);
  return it->second;
}

int64_t Inputs::text(const std::string& text) {
  const auto [it, fresh] = text_numbers_.emplace(text, static_cast<int64_t>(texts_.size()));
  if (fresh) texts_.push_back(text);
  return it->second;
}

std::vector<size_t> spread_indices(size_t n, size_t limit) {
  const size_t m = std::min(n, limit);
  std::vector<size_t> indices(m);
  for (size_t i = 0; i < m; ++i) indices[i] = i * n / m;
  return indices;
}

}  // namespace fsc
