// What can be wrong with a shard as an archive of samples; what its images and captions are like is the visitor's to judge.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fsc/shards/shard_reader.h"

namespace fsc {

enum class ShardProblem {
  kUnreadable,    ///< cannot be opened or read on: a damaged header, a server's error; what came before was checked
  kTruncated,     ///< ends inside a file
  kTrailingData,  ///< something follows the end of the archive: archives joined by cat, of which only the first is read
  kNoEndMark,     ///< ends after a file, but without a mark: cut there, or written by a careless program
  kLinks,         ///< links to files, which their samples lack
  kDuplicate,     ///< samples with a file of the same name before them
  kInterleaved,   ///< samples whose other files lie elsewhere: keys that came back after another one
  kOversized,     ///< samples beyond kMaxSampleFiles or kMaxSampleBytes, which are passed over
  kNoImage,       ///< samples without any of the asked extensions
  kNoCaption,
};

/// One word for reports: "truncated", "no_image".
const char* problem_name(ShardProblem problem);

struct ShardFinding {
  ShardProblem problem = ShardProblem::kUnreadable;
  int64_t count = 0;                  ///< of samples, links, or 1 for the archive as a whole
  std::string message;                ///< what, where, and what to do
  std::vector<std::string> examples;  ///< keys, in the shard's order; with their extensions where one is missing
};

struct ShardCheckOptions {
  std::vector<std::string> image_extensions, caption_extensions;  ///< lower case; one of each will do; none if empty
  size_t max_examples = 5;                                        ///< of each finding
  bool digest = false;                                            ///< ShardCheck::sha256 is wanted
  StreamOptions stream{};
};

struct ShardCheck {
  std::string name;                           ///< shard_name()
  int64_t samples = 0;                        ///< whole ones, faulty or not
  uint64_t bytes = 0;                         ///< of the archive, up to its end mark or where reading stopped
  std::map<std::string, int64_t> extensions;  ///< samples that have each
  std::string last_key;                       ///< of the last whole sample
  uint64_t all_bytes = 0;                     ///< with `digest`: of the source, to its very end; else 0
  std::string sha256;                         ///< with `digest`: of them all; "" where they could not all be read
  std::vector<ShardFinding> findings;         ///< in the order of ShardProblem; empty when all is well
};

/// Reads the whole shard, and its data only when somebody visits them (or a digest is wanted). Oversized samples are not visited.
/// What is wrong with the shard is a finding; only a stop
/// request and what `visit` throws are thrown.
ShardCheck check_shard(const std::string& url, const ShardCheckOptions& options,
                       const std::function<void(const ShardSample&)>& visit = {});

}  // namespace fsc
