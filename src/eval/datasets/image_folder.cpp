// A folder of photos a class, with class names and templates in text files.
#include <algorithm>
#include <array>
#include <sstream>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/eval/tasks.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

struct Line {
  std::string text;
  size_t number;  // 1-based
};

/// Lines that are not blank, without surrounding white space.
std::vector<Line> read_lines(const fs::path& file, const char* what) {
  std::string text = read_file(file);
  if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) text.erase(0, 3);
  std::istringstream stream(text);
  std::vector<Line> lines;
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    const size_t begin = line.find_first_not_of(" \t\r\f\v");
    if (begin == std::string::npos) continue;
    lines.push_back({line.substr(begin, line.find_last_not_of(" \t\r\f\v") - begin + 1), number});
  }
  if (lines.empty()) throw Error(file.string() + " is empty; expected one " + what + " a line");
  return lines;
}

/// The template with {} and {c} replaced by the class name; a name that holds braces itself is left alone.
std::string fill(const std::string& pattern, const std::string& name) {
  std::string text;
  for (size_t i = 0; i < pattern.size();) {
    const size_t length = pattern.compare(i, 2, "{}") == 0 ? 2 : pattern.compare(i, 3, "{c}") == 0 ? 3 : 0;
    text += length ? name : pattern.substr(i, 1);
    i += length ? length : 1;
  }
  return text;
}

bool is_image_name(const fs::path& path) {
  static const std::array<std::string, 4> suffixes = {".jpg", ".jpeg", ".png", ".webp"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

/// Entries of a folder whose names do not start with a dot, in byte order.
std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string()[0] == '.') continue;
    if (folders ? entry.is_directory(error) : is_image_name(entry.path())) found.push_back(entry.path());
  }
  if (error && found.empty()) throw_io_error(folder, "read", error.value());
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename().string() < b.filename().string(); });
  return found;
}

fs::path file_of(const std::string& given, const TaskConfig& config, const char* usual, const char* key) {
  const fs::path path = given.empty() ? fs::path(config.root) / usual : fs::path(given);
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    throw Error("the task " + config.shown() + ": there is no " + path.string() + "; make it, or set " + key +
                " to the file that holds the " + key);
  return path;
}

std::unique_ptr<Task> read_image_folder(const TaskConfig& config) {
  std::error_code error;
  if (!fs::is_directory(config.root, error))
    throw Error("the task " + config.shown() + ": root " + config.root +
                " is not a folder; it must hold one folder of images a class");
  const auto folders = sorted_entries(config.root, true);
  if (folders.empty())
    throw Error("the task " + config.shown() + ": " + config.root +
                " holds no folders; one folder of images a class was expected");
  const fs::path names_file = file_of(config.classnames, config, "classnames.txt", "classnames");
  const auto names = read_lines(names_file, "class name");
  if (names.size() != folders.size())
    throw Error(names_file.string() + " has " + std::to_string(names.size()) + " names for " + std::to_string(folders.size()) +
                " class folders in " + config.root + " (from " + folders.front().filename().string() + " to " +
                folders.back().filename().string() + "); line i names the i-th folder in byte order");
  const fs::path templates_file = file_of(config.templates, config, "templates.txt", "templates");
  const auto templates = read_lines(templates_file, "template");
  for (const auto& line : templates)
    if (line.text.find("{}") == std::string::npos && line.text.find("{c}") == std::string::npos)
      throw Error(templates_file.string() + ":" + std::to_string(line.number) + ": the template '" + line.text +
                  "' has no {} or {c} for the class name");

  ZeroShotItems items;
  std::string empty;
  for (size_t label = 0; label < folders.size(); ++label) {
    auto& prompts = items.prompts.emplace_back();
    for (const auto& line : templates) prompts.push_back(fill(line.text, names[label].text));
    const auto files = sorted_entries(folders[label], false);
    const std::string folder = folders[label].filename().string();
    if (files.empty()) empty += (empty.empty() ? "" : ", ") + folder;
    for (const auto& file : files)
      items.images.push_back({folder + "/" + file.filename().string(), file, static_cast<int64_t>(label)});
  }
  if (!empty.empty())
    throw Error("the task " + config.shown() + ": class folders without images (.jpg, .jpeg, .png, .webp) in " + config.root +
                ": " + empty);
  return zero_shot_task(std::move(items));
}

}  // namespace

Benchmark zeroshot_benchmark() {
  return {"zeroshot",
          TaskKind::kZeroShot,
          "one folder of photos a class in root; label = rank of the folder's name in byte order",
          {"root"},
          {"classnames", "templates"},
          {},
          read_image_folder};
}

}  // namespace fsc
