// The readers behind read_pairs.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/data/table.h"

namespace fsc::detail {

/// image_root, or the folder of the table.
std::filesystem::path image_root_of(const SourceConfig& source);

std::vector<Pair> read_table_pairs(const SourceConfig& source, const std::string& negative_column);

/// COCO captions: {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}; a pair an annotation.
std::vector<Pair> read_coco_pairs(const SourceConfig& source, const std::string& negative_column);

/// Karpathy's splits: {"images": [{"filename", "filepath", "split", "sentences": [{"raw"}]}]}; a pair a sentence of the splits
/// asked for.
std::vector<Pair> read_karpathy_pairs(const SourceConfig& source, const std::string& negative_column);

}  // namespace fsc::detail
