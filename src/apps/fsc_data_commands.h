// The subcommands of fsc-data; each declares its options and its work (a callback that throws fsc::Error), one file each.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace fsc {

void add_synth(CLI::App& app);
void add_negatives(CLI::App& app);
void add_pack(CLI::App& app);
void add_check(CLI::App& app);
void add_bench(CLI::App& app);

/// CLI11 reads -1 into an unsigned number without a word.
inline std::string not_negative(const std::string& text) { return text.starts_with('-') ? text + " is below 0" : ""; }

}  // namespace fsc
