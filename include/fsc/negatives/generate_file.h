// Negatives for whole lists of captions: into a file, with a summary of what was made.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fsc/negatives/negatives.h"

namespace fsc {

/// One caption a line; empty lines count (their index is a caption's index in training). Error: cannot be read, nothing in it.
std::vector<std::string> read_captions(const std::filesystem::path& file);

/// Calls `use(index, negatives, report)` for every caption in order, on this thread, whatever the number of threads that make
/// them. Caption i gets what training makes of it at (seed, epoch, i).
using UseNegatives = std::function<void(size_t index, const NegativeTexts& negatives, const MadeReport& report)>;
void make_in_order(const NegativeMaker& maker, std::span<const std::string> captions, uint64_t seed, uint64_t epoch,
                   int64_t threads, const UseNegatives& use);

struct GenerateOptions {
  std::vector<std::string> kinds = {"swap", "replace", "shuffle"};
  uint64_t seed = 0;
  int64_t epochs = 1;
  int64_t threads = 1;
  std::filesystem::path out = {};  ///< empty: no file, the summary only
  /// Called for each caption of each epoch, in order.
  std::function<void(size_t index, const NegativeTexts& negatives)> each = {};
  /// Called for the first `preview` captions of the first epoch, in order.
  size_t preview = 0;
  std::function<void(std::string_view kind, const std::string& caption, const std::string& negative)> show = {};
};

/// What was made of one kind.
struct KindSummary {
  std::string kind;
  uint64_t asked = 0, made = 0;
  uint64_t words_changed = 0;  ///< word edit distances to the captions, summed up
};

struct GenerateSummary {
  uint64_t captions = 0;  ///< times epochs
  std::vector<KindSummary> kinds;
  /// "dog -> cat" with its count, the most frequent first, at most ten: where one short piece of the caption was replaced.
  std::vector<std::pair<std::string, uint64_t>> frequent;
  double analysis_seconds = 0, generation_seconds = 0;  ///< summed over the threads
};

/// Makes one negative of each kind for every caption and epoch. `options.out` is replaced at the end, when all is written: the
/// line "index<TAB>kind<TAB>negative" (with more than one epoch "epoch<TAB>index<TAB>..."), then such values without quotes; a
/// tab or line break of a caption becomes a blank; a negative that does not exist has no line. The bytes do not depend on the
/// threads.
GenerateSummary generate_file(std::span<const std::string> captions, const GenerateOptions& options);

/// A table for people.
std::string to_text(const GenerateSummary& summary);

/// "replace  a cat sleeps"; with `colour` the words that the caption does not have in this order stand out (ANSI escapes).
std::string preview_line(std::string_view kind, const std::string& caption, const std::string& negative, bool colour);

}  // namespace fsc
