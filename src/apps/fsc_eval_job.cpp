// Ranks that read files each for itself compare what they have read before they share work.
#include "apps/fsc_eval_job.h"

#include <torch/version.h>

#include <optional>

#include "fsc/core/digest.h"
#include "fsc/dist/together.h"
#include "fsc/report/report.h"
#include "fsc/weights/state_hash.h"

namespace fs = std::filesystem;

EvalJob::EvalJob(const EvalArguments& arguments, const fsc::SuiteConfig& config, const fsc::Layout& layout)
    : given(arguments), suite(config) {
  if (!given.merge) compute = given.compute.open(layout.local_rank, layout.local_size);
  world_ = fsc::open_world(layout, suite.distributed, compute.device);
  agree("", "");
  fsc::on_all(*world_, [&] {
    const std::vector<fs::path> paths(given.checkpoints.begin(), given.checkpoints.end());
    labels = fsc::checkpoint_labels(paths);
    for (const auto& path : paths) fsc::find_model(path, given.arch);  // all are looked at before the first is run
    if (!given.base.empty()) fsc::find_model(given.base, given.arch);
    output = !given.output.empty()                             ? fs::path(given.output)
             : paths.size() == 1 && fs::is_directory(paths[0]) ? paths[0] / "eval"
                                                               : fs::path("eval");
  });
}

fsc::PreparedSuite EvalJob::prepare(const fsc::SuiteConfig& part) {
  fsc::PreparedSuite prepared(part, 0, world_);
  agree(fsc::sha256_hex(prepared.inputs().listing()), "");
  return prepared;
}

fsc::LoadedModel EvalJob::load(const std::string& checkpoint) {
  std::optional<fsc::LoadedModel> model;
  fsc::on_all(*world_, [&] { model.emplace(fsc::load_model(checkpoint, given.arch)); });
  if (world_->size() > 1) agree("", fsc::state_hash(fsc::state_dict(*model->model)) + " of " + checkpoint);
  return std::move(*model);
}

std::shared_ptr<const fsc::Tokenizer> EvalJob::tokenizer_of(const fsc::LoadedModel& model) const {
  std::shared_ptr<const fsc::Tokenizer> tokenizer;
  fsc::on_all(*world_, [&] {
    tokenizer = fsc::load_tokenizer(model.arch, given.tokenizer.empty() ? model.tokenizer : fs::path(given.tokenizer));
  });
  return tokenizer;
}

void EvalJob::on_first(const std::function<void()>& work) const { fsc::on_first(*world_, work); }

std::string EvalJob::digest() const {
  fsc::SuiteConfig scored = suite;
  scored.workers = fsc::SuiteConfig().workers;
  scored.distributed = {};
  return fsc::sha256_hex(fsc::config::to_yaml(fsc::config::fields_of(scored)) + given.compute.precision());
}

void EvalJob::agree(const std::string& data, const std::string& weights) const {
  fsc::introduce(*world_, {.version = TORCH_VERSION,
                           .config_hash = digest() + " " + given.shard + given.base + given.alphas,
                           .data = data,
                           .device = compute.device.is_cuda() ? "cuda" : "cpu",
                           .weights = weights});
}
