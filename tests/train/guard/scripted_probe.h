// A probe whose scores are written down beforehand, over a real small suite.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fsc/eval/embedder.h"
#include "train/guard/detail_guard.h"
#include "train/session_support.h"

namespace fsc::test {
using namespace detail;

/// A suite of two items of composition and two of retrieval over the test images.
inline std::filesystem::path small_suite(const SmallRun& run, const std::string& name = "suite.yaml") {
  const std::string at = run.write("pairs.json", R"({
 "0": {"filename": "rgb.png", "caption": "a red cube", "negative_caption": "a cube red"},
 "1": {"filename": "grey.jpg", "caption": "two dogs", "negative_caption": "two cats"}})")
                             .parent_path()
                             .string();
  run.write("pairs.tsv", "title\tfilepath\na red cube\t" + SmallRun::image(1) + "\ntwo dogs\t" + SmallRun::image(3) + "\n");
  return run.write(name, "tasks:\n  - {name: caption_choice, path: " + at + "/pairs.json, images: " + FSC_TEST_DATA +
                             "/images}\n  - {name: retrieval, path: " + at + "/pairs.tsv}\n");
}

/// How many of 100 items of each kind were right; a negative `composition` is a model that gives no numbers.
struct Scripted {
  int composition = 0, retrieval = 0;
};

class ScriptedProbe : public Probe {
 public:
  ScriptedProbe(const SuiteConfig& suite, std::vector<Scripted> script) : Probe(suite, 0), script_(std::move(script)) {}
  /// The next of the script.
  Outcomes score(LoadedModel, const Tokenizer&, Precision) const override {
    const Scripted now = script_.at(next_++);
    if (now.composition < 0) throw NotFiniteError("the model gives NaN");
    return {outcome("c", TaskKind::kComposition, now.composition), outcome("r", TaskKind::kRetrieval, now.retrieval)};
  }

 private:
  static TaskOutcome outcome(const std::string& label, TaskKind kind, int right) {
    const auto n = static_cast<size_t>(right);
    return {label, kind, static_cast<double>(right), {std::string(n, '1') + std::string(100 - n, '0')}};
  }
  std::vector<Scripted> script_;
  mutable size_t next_ = 0;
};

inline std::unique_ptr<Guard> scripted_guard(const SmallRun& run, const RunConfig& config, const Session& session,
                                             std::vector<Scripted> script) {
  std::filesystem::create_directories(config.output.dir);
  return std::make_unique<Guard>(config, session,
                                 std::make_unique<ScriptedProbe>(load_suite(small_suite(run)), std::move(script)));
}

}  // namespace fsc::test
