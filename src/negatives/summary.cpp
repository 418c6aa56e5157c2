// What `fsc-data negatives` prints: a table of what was made, and single negatives with the change in colour.
#include <algorithm>
#include <cstdio>

#include "fsc/negatives/generate_file.h"
#include "negatives/detail_words.h"

namespace fsc {
namespace {

std::string number(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

}  // namespace

std::string to_text(const GenerateSummary& summary) {
  const auto line = [](const char* kind, const std::string& made, const std::string& share, const std::string& words) {
    char text[128];
    std::snprintf(text, sizeof(text), "%-10s %10s %8s %14s\n", kind, made.c_str(), share.c_str(), words.c_str());
    return std::string(text);
  };
  std::string text = std::to_string(summary.captions) + " captions\n" + line("kind", "negatives", "share", "words changed");
  for (const auto& kind : summary.kinds) {
    const auto made = static_cast<double>(kind.made), asked = std::max<double>(1, static_cast<double>(kind.asked));
    text += line(kind.kind.c_str(), std::to_string(kind.made), number(100 * made / asked, "%.2f") + " %",
                 kind.made ? number(static_cast<double>(kind.words_changed) / made, "%.2f") : "-");
  }
  if (!summary.frequent.empty()) text += "most frequent replacements\n";
  for (const auto& [piece, count] : summary.frequent) text += "  " + piece + ": " + std::to_string(count) + "\n";
  const double captions = std::max<double>(1, static_cast<double>(summary.captions));
  const double analysis = summary.analysis_seconds / captions, generation = summary.generation_seconds / captions;
  text += "time a caption: " + number(1e6 * (analysis + generation), "%.0f") + " us (analysis " + number(1e6 * analysis, "%.0f") +
          ", negatives " + number(1e6 * generation, "%.0f") + ")\n";
  return text;
}

std::string preview_line(std::string_view kind, const std::string& caption, const std::string& negative, bool colour) {
  constexpr std::string_view kOn = "\x1b[1;33m", kOff = "\x1b[0m";
  constexpr size_t kKindWidth = 9;
  std::string line(kind);
  line.resize(std::max(kKindWidth, line.size() + 1), ' ');
  const auto words = detail::words_of(negative);
  const auto common = detail::common_words(detail::words_of(caption), words);
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) line += ' ';
    const bool marked = colour && !common[i];
    line.append(marked ? kOn : "").append(words[i]).append(marked ? kOff : "");
  }
  return line;
}

}  // namespace fsc
