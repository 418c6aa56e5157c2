// Results as files and as tables for the terminal.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/eval/evaluate.h"

namespace fsc {

/// {"model", "tasks": {label: {"score", "chance", "interval": [low, high], "n", "subtasks": {...}}}, "averages": {...}}.
std::string results_json(const EvalResult& result);
/// A header line, one row a model, one column a task; numbers as in results.json.
std::string results_csv(const std::vector<EvalResult>& results);
/// The same with a second column of one's own.
std::string results_csv(const std::vector<EvalResult>& results, const std::string& second,
                        const std::vector<std::string>& values);
/// One JSON object an outcome: subtask (its innermost part), id, scores, correct, and what else the kind of task tells.
std::string predictions_jsonl(const TaskResult& task);

/// results.json and predictions/<label>.jsonl in `folder`, which is made if need be.
void write_model_results(const std::filesystem::path& folder, const EvalResult& result);

/// What results.json in `folder` says: tasks without their kinds, outcomes and parts; subtasks are numbers of the whole. Written
/// or shown again it gives the same. Error names the file.
EvalResult read_model_results(const std::filesystem::path& folder);

/// Score, interval, chance and item count of every task and subtask of one model.
std::string model_table(const EvalResult& result);
/// Several models side by side: one row a model, one column a task.
std::string comparison_table(const std::vector<EvalResult>& results);

/// A short name of each checkpoint, fit as a folder's name: the last part of its path, with as many parts before it as make all
/// names differ, joined by '-'. UsageError when a path is given twice.
std::vector<std::string> checkpoint_labels(const std::vector<std::filesystem::path>& checkpoints);

}  // namespace fsc
