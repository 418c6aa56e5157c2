// The subcommands of fsc-model; each declares its options and its work (a callback that throws fsc::Error), one file each.
#pragma once

namespace CLI {
class App;
}

void add_info(CLI::App& app);
void add_convert(CLI::App& app);
void add_wise_ft(CLI::App& app);
void add_soup(CLI::App& app);
void add_lora_commands(CLI::App& app);  // merge-lora, export-peft
void add_runs(CLI::App& app);
