// A session over SmallRun's data, built in the test's own process.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "support/small_run.h"
#include "train/detail_session.h"

namespace fsc::test {
using namespace detail;

inline RunConfig small_config(const SmallRun& run, const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> all = {"data.workers=1"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return config::load<RunConfig>(run / "config.yaml", all);
}

inline Session small_session(const RunConfig& config, const std::filesystem::path& checkpoint = {}) {
  return open_session(config, lone_world(), torch::kCPU, "", checkpoint);
}

/// Trains `steps` steps from the loader's place.
inline void take_steps(Session& session, int64_t steps, double lr = 1e-3) {
  for (int64_t i = 0; i < steps; ++i) {
    const StepReport report = session.learner.step(session.loader->next(), lr);
    if (session.average) session.average->update(report.verdict.skipped);
  }
}

/// Copies of all parameters.
inline StateDict weights_of(const Session& session) {
  StateDict copies;
  for (const auto& item : session.learner.model->named_parameters()) copies.add(item.key(), item.value().detach().clone());
  return copies;
}

inline bool equal(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a.entries()) {
    const torch::Tensor* twin = b.find(name);
    if (!twin || !torch::equal(tensor.to(torch::kFloat32), twin->to(torch::kFloat32))) return false;
  }
  return true;
}

}  // namespace fsc::test
