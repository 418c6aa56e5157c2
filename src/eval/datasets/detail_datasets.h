// Readers of the benchmarks' files, named by the catalog. Each gives the items of one kind of task.
#pragma once
#include <memory>

#include "fsc/eval/benchmark.h"

namespace fsc {

std::unique_ptr<Task> read_sugarcrepe(const TaskConfig& config, Inputs& inputs);
std::unique_ptr<Task> read_caption_choice(const TaskConfig& config, Inputs& inputs);
std::unique_ptr<Task> read_image_folder(const TaskConfig& config, Inputs& inputs);
std::unique_ptr<Task> read_retrieval_table(const TaskConfig& config, Inputs& inputs);

}  // namespace fsc
