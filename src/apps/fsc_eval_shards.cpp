// A score needs all items of its benchmark, so what is shared out are pairs of a checkpoint and a benchmark: a merge computes
// nothing but the means over benchmarks.
#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/fsc_eval_job.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/report/report.h"

namespace {
namespace fs = std::filesystem;
using fsc::Error;

constexpr const char* kShards = "shards";
constexpr const char* kDone = "shard.json";  // written last

struct Shard {
  int64_t index = 0, count = 1;
  std::string name() const { return std::to_string(index) + "_of_" + std::to_string(count); }
};

Shard shard_of(const std::string& text) {
  const auto number = [](std::string_view digits, int64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  Shard shard;
  const std::string_view all = text;
  const size_t slash = all.find('/');
  if (slash == std::string_view::npos || !number(all.substr(0, slash), shard.index) ||
      !number(all.substr(slash + 1), shard.count) || shard.index < 0 || shard.index >= shard.count)
    throw fsc::UsageError("--shard " + text + " is not I/N with I = 0 ... N - 1");
  return shard;
}

using Pair = std::pair<std::string, std::string>;  // the labels of a checkpoint and of a task

/// Every pair of the shards that are done, with the folder of its checkpoint's results.
std::map<Pair, fs::path> pairs_in(const fs::path& shards, const std::string& digest) {
  std::map<Pair, fs::path> pairs;
  for (const auto& entry : fs::exists(shards) ? fs::directory_iterator(shards) : fs::directory_iterator()) {
    const fs::path& folder = entry.path();
    if (!fs::exists(folder / kDone)) continue;
    try {
      const auto json = nlohmann::json::parse(fsc::read_file(folder / kDone));
      if (json.at("suite") != digest)
        throw Error(folder.string() + " was scored with another suite or --precision; remove it and score that shard again");
      for (const auto& pair : json.at("pairs")) {
        const auto [at, is_new] = pairs.emplace(Pair(pair.at(0), pair.at(1)), folder / pair.at(0).get<std::string>());
        if (!is_new)
          throw Error(at->first.second + " of " + at->first.first + " is twice there, in " + at->second.parent_path().string() +
                      " and " + folder.string() + "; remove the one that does not belong to the others");
      }
    } catch (const nlohmann::json::exception& error) {
      throw Error((folder / kDone).string() + " is not as fsc-eval writes it: " + error.what());
    }
  }
  return pairs;
}

/// Error where the shards lack a pair or have one that is not asked for.
void check_complete(const std::map<Pair, fs::path>& pairs, const std::vector<std::string>& labels, const fsc::SuiteConfig& suite,
                    const fs::path& shards) {
  std::string missing;
  size_t wanted = 0;
  for (const auto& label : labels)
    for (const auto& task : suite.tasks) {
      ++wanted;
      if (!pairs.count({label, task.shown()})) missing += "\n  " + task.shown() + " of " + label;
    }
  if (!missing.empty()) throw Error("the shards in " + shards.string() + " lack" + missing + "\nscore the missing ones first");
  if (pairs.size() != wanted)
    throw Error("the shards in " + shards.string() + " hold checkpoints that were not named; name all --checkpoint alike");
}

/// One checkpoint's results, put together in the suite's order.
fsc::EvalResult merged(const std::map<Pair, fs::path>& pairs, const std::string& label, const fsc::SuiteConfig& suite,
                       const fs::path& output) {
  fsc::EvalResult result;
  fsc::make_directories(output / "predictions");
  for (const auto& task : suite.tasks) {
    const fs::path& folder = pairs.at({label, task.shown()});
    fsc::EvalResult part = fsc::read_model_results(folder);
    result.model = part.model;
    for (auto& one : part.tasks) {
      if (one.label != task.shown()) continue;
      one.kind = fsc::find_benchmark(task.name)->kind;
      result.tasks.push_back(std::move(one));
    }
    const fs::path file = fs::path("predictions") / (task.shown() + ".jsonl");
    fsc::write_file_atomic(output / file, fsc::read_file(folder / file));
  }
  if (result.tasks.size() != suite.tasks.size()) throw Error("a results.json of " + label + " lacks a task that its shard lists");
  result.averages = fsc::averages_of(result.tasks);
  fsc::write_file_atomic(output / "results.json", fsc::results_json(result));
  return result;
}

bool all_done(const fs::path& shards, Shard shard) {
  for (shard.index = 0; shard.index < shard.count; ++shard.index)
    if (!fs::exists(shards / shard.name() / kDone)) return false;
  return true;
}

}  // namespace

void merge_shards(const EvalJob& job) {
  const fs::path shards = job.output / kShards;
  const auto pairs = pairs_in(shards, job.digest());
  check_complete(pairs, job.labels, job.suite, shards);
  std::vector<fsc::EvalResult> results;
  for (const auto& label : job.labels) {
    results.push_back(merged(pairs, label, job.suite, job.labels.size() == 1 ? job.output : job.output / label));
    std::printf("%s%s", results.size() > 1 ? "\n" : "", fsc::model_table(results.back()).c_str());
  }
  fsc::write_file_atomic(job.output / "results.csv", fsc::results_csv(results));
  if (job.labels.size() > 1) std::printf("\n%s", fsc::comparison_table(results).c_str());
  spdlog::info("results are in {}", job.output.string());
}

void run_shard(EvalJob& job) {
  const Shard shard = shard_of(job.given.shard);
  const fs::path folder = job.output / kShards / shard.name();
  job.on_first([&] {
    std::error_code none;
    fs::remove_all(folder, none);
    fsc::make_directories(folder);
  });
  nlohmann::json done = {
      {"shard", shard.index}, {"of", shard.count}, {"suite", job.digest()}, {"pairs", nlohmann::json::array()}};
  for (size_t i = 0; i < job.labels.size(); ++i) {
    fsc::SuiteConfig part = job.suite;
    part.tasks.clear();
    for (size_t t = 0; t < job.suite.tasks.size(); ++t)
      if (static_cast<int64_t>(i * job.suite.tasks.size() + t) % shard.count == shard.index)
        part.tasks.push_back(job.suite.tasks[t]);
    if (part.tasks.empty()) continue;
    auto model = job.load(job.given.checkpoints[i]);
    const auto tokenizer = job.tokenizer_of(model);
    const auto result = job.prepare(part).run(model, *tokenizer, job.given.checkpoints[i], job.compute);
    job.on_first([&] { fsc::write_model_results(folder / job.labels[i], result); });
    for (const auto& task : part.tasks) done["pairs"].push_back({job.labels[i], task.shown()});
  }
  job.on_first([&] {
    fsc::write_file_atomic(folder / kDone, done.dump(2) + "\n");
    spdlog::info("shard {} of {}: {} pairs of a checkpoint and a benchmark are scored", shard.index, shard.count,
                 done["pairs"].size());
    if (all_done(job.output / kShards, shard)) merge_shards(job);
  });
}
