// Tables and JSON files into webdataset shards.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"

namespace fsc {

struct PackOptions {
  TrainSourceConfig source;     ///< captions: one = a sample an image, with all its captions; all = a sample a caption
  std::string negative_column;  ///< "" = none; goes into the JSON under this name (captions: all only)
  std::filesystem::path output;
  std::string prefix = "shard";
  int64_t samples_per_shard = 1000;
  uint64_t bytes_per_shard = uint64_t{1} << 30;  ///< of images; whichever limit comes first ends a shard
  bool shuffle = false;  ///< put the samples into a random order first (neighbours of a table are often alike)
  uint64_t seed = 0;
  int threads = 0;  ///< 0 = one a core
};

struct PackReport {
  int64_t shards = 0, samples = 0;
  uint64_t bytes = 0;
  std::vector<std::string> skipped;  ///< "image: why", in the order of the table
};

/// Writes output/prefix-000000.tar …, sizes.json and index.json. A sample is 000000012.jpg (the image's bytes as they are, named
/// for what they are), .txt (its first caption) and .json ({"captions": […], "filepath": …}, with the negatives where there are).
/// The same input gives the same bytes, whatever the threads. Images that are missing or are no JPEG, PNG or WebP are left out
/// and reported. Error: output holds shards already, nothing is left, disk full. `progress` gets the shards done and their
/// number.
PackReport pack_shards(const PackOptions& options, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace fsc
