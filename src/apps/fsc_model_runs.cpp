// fsc-model runs: a sweep's runs side by side.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <sstream>

#include "apps/fsc_model_commands.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/report/run_table.h"

namespace {

/// The rows of a sweep's file: its lines but for empty ones and those that begin with #.
std::vector<std::string> rows_of(const std::string& file) {
  std::vector<std::string> rows;
  std::istringstream text(fsc::read_file(file));
  for (std::string line; std::getline(text, line);) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin != std::string::npos && line[begin] != '#') rows.push_back(line.substr(begin));
  }
  return rows;
}

}  // namespace

void add_runs(CLI::App& app) {
  struct RunsWish {
    std::vector<std::string> runs;
    std::string rows, output;
  };
  const auto given = std::make_shared<RunsWish>();
  CLI::App* command = app.add_subcommand("runs", "A table of runs: step, last loss, the guard's best probe, fsc-eval's means");
  command->add_option("run", given->runs, "Run folders, in the order of the rows")->required();
  command->add_option("--rows", given->rows, "File of a sweep: the overrides of each run, a line each");
  command->add_option("--output", given->output, "Also written to OUTPUT.txt and OUTPUT.csv");
  command->callback([given] {
    const auto rows = given->rows.empty() ? std::vector<std::string>(given->runs.size()) : rows_of(given->rows);
    if (rows.size() != given->runs.size())
      throw fsc::UsageError("--rows " + given->rows + " has " + std::to_string(rows.size()) + " rows, but there are " +
                            std::to_string(given->runs.size()) + " runs");
    std::vector<fsc::RunSummary> runs;
    for (size_t i = 0; i < rows.size(); ++i) {
      runs.push_back(fsc::summarize_run(given->runs[i]));
      runs.back().overrides = rows[i];
    }
    const std::string table = fsc::runs_table(runs);
    std::fputs(table.c_str(), stdout);
    if (given->output.empty()) return;
    fsc::write_file_atomic(given->output + ".txt", table);
    fsc::write_file_atomic(given->output + ".csv", fsc::runs_csv(runs));
  });
}
