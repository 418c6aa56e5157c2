// fsc-data pack and check: webdataset shards from a table, and a look over shards or tables before a run.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "apps/fsc_data_commands.h"
#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/data/check.h"
#include "fsc/data/pack.h"

namespace fsc {
namespace {

/// The keys of data.train as a command line: the path, its format and --set for the rest.
struct SourceOptions {
  std::string path, format;
  std::vector<std::string> overrides;

  void add_to(CLI::App& command, const char* path_help) {
    command.add_option("source", path, path_help)->required();
    command.add_option("--format", format, "tsv, csv, webdataset, coco or karpathy (default: by the name)");
    command
        .add_option("--set", overrides, "key=value, a key of data.train such as image_column=image (fsc-train --help lists them)")
        ->take_all()
        ->allow_extra_args(false);
  }

  /// `captions` is the default of that key here.
  TrainSourceConfig source(CaptionChoice captions) const {
    TrainSourceConfig source;
    source.captions = captions;
    config::Problems problems;
    std::vector<std::string> all = {"format=" + (format.empty() ? by_name() : format)};
    all.insert(all.end(), overrides.begin(), overrides.end());
    config::apply_overrides(config::fields_of(source), all, problems);
    source.path = path;
    problems.raise("the command line");
    return source;
  }

 private:
  std::string by_name() const {
    if (path.ends_with(".csv")) return "csv";
    if (path.ends_with(".json")) throw UsageError(path + ": say --format coco or --format karpathy");
    if (path.ends_with(".tar") || path.find("::") != std::string::npos || path.starts_with("pipe:")) return "webdataset";
    return "tsv";
  }
};

std::function<void(int64_t, int64_t)> shown_on(ProgressLine& line, const char* what) {
  return [&line, what](int64_t done, int64_t all) { line.show(fmt::format("{} {}/{}", what, done, all)); };
}

}  // namespace

void add_pack(CLI::App& app) {
  struct Options {
    SourceOptions source;
    PackOptions pack;
    std::string output;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("pack", "write webdataset shards from a table or JSON of images and captions");
  options->source.add_to(*command, "table or JSON of images and captions");
  command->add_option("--out", options->output, "folder for the shards")->required();
  command->add_option("--negatives", options->pack.negative_column,
                      "column of negatives to take along (with --set captions=all)");
  command->add_option("--prefix", options->pack.prefix, "shards are called PREFIX-000000.tar")->capture_default_str();
  command->add_option("--samples", options->pack.samples_per_shard, "samples a shard")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}));
  command->add_option("--bytes", options->pack.bytes_per_shard, "bytes of images a shard, at most")
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 50));
  command->add_flag("--shuffle", options->pack.shuffle, "put the samples into a random order first");
  command->add_option("--seed", options->pack.seed, "of the random order")->capture_default_str()->check(not_negative, "");
  command->add_option("--threads", options->pack.threads, "0 = one a core")->capture_default_str()->check(CLI::Range(0, 256));
  command->callback([options] {
    options->pack.source = options->source.source(CaptionChoice::kOne);
    options->pack.output = options->output;
    ProgressLine line;
    const PackReport report = pack_shards(options->pack, shown_on(line, "shard"));
    line.finish();
    for (size_t i = 0; i < std::min<size_t>(5, report.skipped.size()); ++i) spdlog::warn("left out: {}", report.skipped[i]);
    if (report.skipped.size() > 5) spdlog::warn("left out: {} more", report.skipped.size() - 5);
    spdlog::info("{}: {} samples in {} shards, {}, sizes.json, index.json; {} left out", options->output, report.samples,
                 report.shards, format_bytes(static_cast<double>(report.bytes)), report.skipped.size());
    fmt::print(
        "data:\n  train:\n    format: webdataset\n    path: {}/{}-{{000000..{:06d}}}.tar\n    caption_key: json:captions\n",
        options->output, options->pack.prefix, report.shards - 1);
  });
}

void add_check(CLI::App& app) {
  struct Options {
    SourceOptions source;
    CheckOptions check;
    bool no_decode = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("check",
                                     "look over shards or a table: cut archives, mixed keys, broken images, empty or long "
                                     "captions, duplicates, shards that differ from index.json");
  options->source.add_to(*command, "shards as for data.train.path, or a table or JSON");
  command->add_flag("--no-decode", options->no_decode, "do not decode the images");
  command->add_flag("--write-sizes", options->check.write_sizes, "write sizes.json and index.json beside the shards");
  command->add_option("--examples", options->check.examples, "samples named for each finding")->capture_default_str();
  command->add_option("--threads", options->check.threads, "0 = one a core")->capture_default_str()->check(CLI::Range(0, 256));
  command->callback([options] {
    options->check.source = options->source.source(CaptionChoice::kAll);
    options->check.decode = !options->no_decode;
    const auto tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
    options->check.tokenizer = tokenizer.get();
    ProgressLine line;
    const CheckReport report = check_data(options->check, shown_on(line, "piece"));
    line.finish();
    for (const auto& text : report_lines(report)) fmt::print("{}\n", text);
    if (!report.problems.empty())
      throw Error(options->check.source.path +
                  " has the problems listed above; a run skips such samples and counts them against data.max_bad_samples");
  });
}

}  // namespace fsc
