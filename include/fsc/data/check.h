// Looks over shards before a run does: what is cut, mixed up, unreadable, empty, too long or there twice.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fsc/data/data_config.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

struct CheckOptions {
  TrainSourceConfig source;              ///< webdataset, or a table or JSON
  const Tokenizer* tokenizer = nullptr;  ///< for the length of captions; null = not checked
  int64_t context_length = 77;
  bool decode = true;        ///< decode every image
  int threads = 0;           ///< 0 = one a core
  size_t examples = 5;       ///< samples named for each finding
  bool write_sizes = false;  ///< sizes.json and index.json beside local shards that are whole
};

/// One kind of finding.
struct Finding {
  int64_t count = 0;
  std::vector<std::string> examples;
};

struct CheckReport {
  int64_t shards = 0, samples = 0, images = 0, captions = 0;
  uint64_t bytes = 0;
  std::map<std::string, Finding> problems;  ///< what a run would lose: cut archives, no caption, damaged images …
  std::map<std::string, Finding> notes;     ///< what it would use all the same: long captions, duplicates
  bool sizes_written = false;
};

/// Shards are compared with the SHA-256, bytes and samples in index.json beside them, where there is one. Error: an index.json
/// that is none. Findings do not depend on the threads. `progress` gets the shards (or pieces of a table) done and their number.
CheckReport check_data(const CheckOptions& options, const std::function<void(int64_t, int64_t)>& progress = {});

/// The report as lines for people.
std::vector<std::string> report_lines(const CheckReport& report);

}  // namespace fsc
