// Training tables with a column of generated negatives, for programs that read them from there.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/negatives/generate_file.h"

namespace fsc {

/// The captions of a table or JSON in its order. Error: as read_pairs.
std::vector<std::string> captions_of(const SourceConfig& source);

/// Writes the table as tsv with a column `neg_caption` of JSON lists, which the official code's csv reader and ours read; a
/// column of that name is replaced. Of a JSON the columns are filepath, title, neg_caption. Negatives that cannot be made are
/// left out of their list. Row i has what training makes of it at (seed, epoch 0, i). `generate.out` is not used.
GenerateSummary write_negative_column(const SourceConfig& source, GenerateOptions generate, const std::filesystem::path& out);

}  // namespace fsc
