// fsc-model wise-ft and soup: averages of models as a new model folder.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "apps/compute_options.h"
#include "apps/fsc_model_commands.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/eval/evaluate.h"
#include "fsc/weights/interpolate.h"
#include "fsc/weights/lora_folder.h"
#include "fsc/weights/state_hash.h"

namespace {
namespace fs = std::filesystem;

/// Writes a model folder whole or not at all.
void write_average(const std::string& output, const fsc::LoadedModel& model, const std::string& origin) {
  std::error_code error;
  if (fs::exists(output, error) && !(fs::is_directory(output, error) && fs::is_empty(output, error)))
    throw fsc::UsageError("--output " + output + " exists already; name a folder that does not");
  const fs::path folder = fs::absolute(output).lexically_normal();
  fsc::make_directories((folder.has_filename() ? folder : folder.parent_path()).parent_path());
  fsc::write_directory_atomic(folder.has_filename() ? folder : folder.parent_path(), [&](const fs::path& dir) {
    fsc::ModelIdentity identity = model;
    identity.provenance = {.averaged = origin};
    fsc::write_model_files(dir, identity, *model.model);
  });
  spdlog::info("{}: {}", output, origin);
}

struct WiseFt {
  std::string pretrained, finetuned, arch, output;
  double alpha = 0.5;
  bool extrapolate = false;
};

/// Interpolating towards base + LoRA's term scales that term by alpha, provided that the pretrained model is LoRA's base.
void check_base(const WiseFt& given, const fsc::LoadedModel& pretrained) {
  if (!fsc::is_lora(given.finetuned)) return;
  const std::string base = fsc::find_model(given.finetuned, given.arch).provenance.lora_base_sha256;
  if (!base.empty() && base != fsc::state_hash(fsc::state_dict(*pretrained.model)))
    throw fsc::Error(given.finetuned + " is LoRA of another model than " + given.pretrained +
                     " (its record has another SHA-256); give --pretrained its base");
}

void wise_ft(const WiseFt& given) {
  fsc::check_alpha(given.alpha, given.extrapolate);
  auto from = fsc::load_model(given.pretrained, given.arch);
  const auto to = fsc::load_model(given.finetuned, given.arch);
  from = fsc::with_context_of({given.pretrained, &from}, {given.finetuned, &to});
  check_base(given, from);
  fsc::check_alike({{given.pretrained, &from}, {given.finetuned, &to}});
  const auto mixed = fsc::with_weights(
      from, fsc::interpolate(fsc::state_dict(*from.model), fsc::state_dict(*to.model), given.alpha), given.output);
  write_average(given.output, mixed,
                fmt::format("WiSE-FT, alpha {} from {} to {}", given.alpha, given.pretrained, given.finetuned));
}

struct SoupWish {
  std::vector<std::string> checkpoints, overrides;
  std::string arch, output, greedy, by = "average";
  fsc::ComputeOptions compute;
};

/// The models are read one after another, so that memory holds the sum and one of them; all are compared with the first.
class Kitchen {
 public:
  explicit Kitchen(const SoupWish& given) : given_(given), first_(fsc::load_model(given.checkpoints.at(0), given.arch)) {}

  fsc::LoadedModel read(size_t i) const {
    auto model = fsc::load_model(given_.checkpoints[i], given_.arch);
    fsc::check_alike({{given_.checkpoints[0], &first_}, {given_.checkpoints[i], &model}});
    return model;
  }
  fsc::LoadedModel soup(const std::vector<size_t>& members) const {
    fsc::Soup soup;
    for (const size_t i : members) soup.add(fsc::state_dict(*read(i).model), given_.checkpoints[i]);
    return fsc::with_weights(first_, soup.mean(), "the soup");
  }
  const fsc::LoadedModel& first() const { return first_; }

 private:
  const SoupWish& given_;
  const fsc::LoadedModel first_;
};

/// Places of the greedy soup's ingredients.
std::vector<size_t> choose(const SoupWish& given, const Kitchen& kitchen, const fsc::Compute& compute) {
  fsc::PreparedSuite suite(fsc::load_suite(fsc::config_file(given.greedy), given.overrides));
  suite.keep_pixels(int64_t{1} << 30);
  const auto tokenizer = fsc::load_tokenizer(kitchen.first().arch, kitchen.first().tokenizer);
  const auto score = [&](fsc::LoadedModel model, const std::string& name) {
    const double value = fsc::score_by(suite.run(model, *tokenizer, name, compute), given.by, "--by");
    spdlog::info("{}: {} {:.2f}", name, given.by, value);
    return value;
  };
  std::vector<double> alone;
  for (size_t i = 0; i < given.checkpoints.size(); ++i) alone.push_back(score(kitchen.read(i), given.checkpoints[i]));
  return fsc::greedy_ingredients(alone, [&](std::vector<size_t> kept, size_t next) {
    const std::string name = fmt::format("soup of {} with {}", kept.size(), given.checkpoints[next]);
    kept.push_back(next);
    return score(kitchen.soup(kept), name);
  });
}

void soup(const SoupWish& given) {
  std::optional<fsc::Compute> compute;
  if (!given.greedy.empty()) compute = given.compute.open();
  const Kitchen kitchen(given);
  std::vector<size_t> members(given.checkpoints.size());
  for (size_t i = 0; i < members.size(); ++i) members[i] = i;
  if (compute) members = choose(given, kitchen, *compute);
  std::string names;
  for (const size_t i : members) names += (names.empty() ? "" : ", ") + given.checkpoints[i];
  write_average(given.output, kitchen.soup(members),
                fmt::format("{} soup of {}", given.greedy.empty() ? "uniform" : "greedy", names));
}

constexpr const char* kArchHelp =
    "Architecture of a file that does not say it: open_clip's name or the path of a model-config JSON (force:NAME overrules what "
    "it says)";

}  // namespace

void add_wise_ft(CLI::App& app) {
  const auto given = std::make_shared<WiseFt>();
  CLI::App* command = app.add_subcommand(
      "wise-ft", "Weights between a pretrained and a fine-tuned model: (1 - alpha) pretrained + alpha fine-tuned");
  command
      ->add_option("--pretrained", given->pretrained,
                   "Checkpoint of any kind that fsc reads; of another context length it is first given the fine-tuned model's")
      ->required();
  command
      ->add_option("--finetuned", given->finetuned, "The same model, fine-tuned; of a LoRA run the LoRA term is scaled by alpha")
      ->required();
  command->add_option("--alpha", given->alpha, "0 = the pretrained, 1 = the fine-tuned model")->required();
  command->add_flag("--extrapolate", given->extrapolate, "Allows an alpha outside [0, 1]");
  command->add_option("--arch", given->arch, kArchHelp);
  command->add_option("--output", given->output, "Folder to make")->required();
  command->callback([given] { wise_ft(*given); });
}

void add_soup(CLI::App& app) {
  const auto given = std::make_shared<SoupWish>();
  CLI::App* command = app.add_subcommand("soup", "The mean of several fine-tuned models' weights (Wortsman et al. 2022)");
  command->add_option("checkpoints", given->checkpoints, "Checkpoints of any kind that fsc reads, fine-tuned from one model")
      ->required();
  auto* greedy = command->add_option(
      "--greedy", given->greedy,
      "Suite (as for fsc-eval): from the best checkpoint on, each joins that does not lower the soup's score");
  command
      ->add_option(
          "--by", given->by,
          "Score of --greedy: average (mean of the kinds' averages), composition, zeroshot, retrieval, or a task's label")
      ->needs(greedy)
      ->capture_default_str();
  command->add_option("--set", given->overrides, "Overrides a key of the suite: key=value")
      ->needs(greedy)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--arch", given->arch, kArchHelp);
  given->compute.declare(*command, greedy);
  command->add_option("--output", given->output, "Folder to make")->required();
  command->callback([given] { soup(*given); });
}
