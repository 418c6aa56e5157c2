// fsc-data negatives: the generators over a list of captions or a whole training table.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "apps/fsc_data_commands.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/data/negative_column.h"
#include "fsc/negatives/generate_file.h"

namespace fsc {
namespace {

struct Given {
  std::string captions, table, out;
  std::vector<std::string> overrides;
  GenerateOptions generate;
  bool column = false;
};

/// The table as data.train describes it, format by its name.
SourceConfig source_of(const Given& given) {
  SourceConfig source;
  config::Problems problems;
  std::vector<std::string> all = {std::string("format=") + (given.table.ends_with(".csv") ? "csv" : "tsv")};
  all.insert(all.end(), given.overrides.begin(), given.overrides.end());
  config::apply_overrides(config::fields_of(source), all, problems);
  source.path = given.table;
  problems.raise("the command line");
  return source;
}

void check(const Given& given) {
  if (given.captions.empty() == given.table.empty()) throw UsageError("give either --captions FILE or --table T");
  if (given.column && given.table.empty()) throw UsageError("--column writes a table; give --table T");
  if (given.column && given.generate.epochs > 1) throw UsageError("--column writes one list a row; leave out --epochs");
  if (given.out.empty() && given.generate.preview == 0) throw UsageError("give --out FILE, or --preview N to look at some");
}

}  // namespace

void add_negatives(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  GenerateOptions& generate = given->generate;
  auto* command =
      app.add_subcommand("negatives", "make hard negatives of captions, as training does with negatives.source: generate");
  command->add_option("--captions", given->captions, "text file, one caption a line");
  command->add_option("--table", given->table, "tsv, csv, COCO or Karpathy file with captions");
  command
      ->add_option("--set", given->overrides,
                   "key=value, a key of data.train for --table such as caption_column=text or format=coco")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--kinds", generate.kinds, "kinds to make, one of each a caption")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::IsMember(negative_kind_names()));
  command->add_option("--seed", generate.seed, "as train.seed: the same seed, epoch and row give training's negatives")
      ->capture_default_str()
      ->check(not_negative, "");
  command->add_option("--epochs", generate.epochs, "epochs to make")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{100000}));
  command->add_option("--threads", generate.threads, "threads; the result does not depend on them")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{256}));
  command->add_option(
      "--out", given->out,
      "file to write: a line of names, then index, kind, negative, separated by tabs (with --epochs, the epoch first)");
  command->add_flag("--column", given->column, "write the whole table as tsv instead, with a column neg_caption of JSON lists");
  command->add_option("--preview", generate.preview, "show the first N captions and what becomes of them")->capture_default_str();
  command->callback([given] {
    check(*given);
    GenerateOptions& generate = given->generate;
    const bool colour = ::isatty(STDOUT_FILENO) != 0;
    std::string shown;
    generate.show = [&](std::string_view kind, const std::string& caption, const std::string& negative) {
      if (caption != shown) fmt::print("\n{}\n", caption);
      shown = caption;
      fmt::print("  {}\n", preview_line(kind, caption, negative, colour));
    };
    if (given->column) {
      const auto summary = write_negative_column(source_of(*given), generate, given->out);
      fmt::print("{}", to_text(summary));
      return;
    }
    generate.out = given->out;
    const auto captions = given->table.empty() ? read_captions(given->captions) : captions_of(source_of(*given));
    const auto summary = generate_file(captions, generate);
    if (generate.preview > 0) fmt::print("\n");
    fmt::print("{}", to_text(summary));
  });
}

}  // namespace fsc
