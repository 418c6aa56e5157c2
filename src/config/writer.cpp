// Fields into text: the resolved YAML, --help, and the difference of two configs.
#include <sstream>

#include "fsc/config/config.h"

namespace fsc::config {
namespace {

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::stringstream stream(path);
  for (std::string part; std::getline(stream, part, '.');) parts.push_back(part);
  return parts;
}

bool starts_with(const std::string& text, const std::string& prefix) { return text.compare(0, prefix.size(), prefix) == 0; }

}  // namespace

std::string to_yaml(const FieldTable& table) {
  const FieldTable fields = with_single_elements(table);
  std::string text;
  std::vector<std::string> open;  // groups whose key is already written
  std::string skipped;            // prefix of a switched-off group
  for (const auto& field : fields) {
    if (!skipped.empty() && starts_with(field.path, skipped)) continue;
    if (const auto* toggle = std::get_if<ToggleRef>(&field.value)) {
      if (*toggle->enabled) continue;  // its keys follow and open the group
      skipped = field.path + ".";
    }
    const auto parts = split(field.path);
    size_t common = 0;
    while (common < open.size() && common + 1 < parts.size() && open[common] == parts[common]) ++common;
    open.resize(common);
    for (; common + 1 < parts.size(); ++common) {
      text += std::string(2 * common, ' ') + parts[common] + ":\n";
      open.push_back(parts[common]);
    }
    text += std::string(2 * common, ' ') + parts.back() + ": " + field.text() + "\n";
  }
  return text;
}

std::string help_text(const FieldTable& fields) {
  std::string text, group;
  const auto describe = [&text](const Field& field) {
    text += "  " + field.path + " = " + field.default_text + "\n      " + field.help + " [" + field.type_text() + "]\n";
  };
  for (const auto& field : fields) {
    const std::string first = split(field.path)[0];
    if (first != group) text += "\n" + first + "\n", group = first;
    const auto* list = std::get_if<ListRef>(&field.value);
    if (list && list->one_as_map && list->size() == 1) {
      text += "  " + field.path + "\n      " + field.help + " [" + field.type_text() + "]\n";
      for (const auto& inner : list->fields_at(0, field.path)) describe(inner);
      continue;
    }
    describe(field);
    if (!list || list->size() > 0) continue;
    list->resize(1);  // one element, to show what it may hold
    for (const auto& inner : list->fields_at(0, ""))
      text += "      - " + inner.path + " = " + inner.default_text + ": " + inner.help + " [" + inner.type_text() + "]\n";
    list->resize(0);
  }
  return text;
}

std::vector<Difference> diff(const FieldTable& before, const FieldTable& after) {
  std::vector<Difference> differences;
  std::string skipped;  // prefix of a group that is switched off in both
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (!skipped.empty() && starts_with(before[i].path, skipped)) continue;
    const auto* one = std::get_if<ToggleRef>(&before[i].value);
    const auto* other = std::get_if<ToggleRef>(&after[i].value);
    if (one && other && !*one->enabled && !*other->enabled) skipped = before[i].path + ".";
    const auto* ones = std::get_if<ListRef>(&before[i].value);
    const auto* others = std::get_if<ListRef>(&after[i].value);
    if (ones && others && ones->one_as_map && ones->size() == others->size()) {
      for (size_t k = 0; k < ones->size(); ++k) {
        const std::string path = before[i].path + (ones->size() == 1 ? "" : "[" + std::to_string(k) + "]");
        const auto inner = diff(ones->fields_at(k, path), others->fields_at(k, path));
        differences.insert(differences.end(), inner.begin(), inner.end());
      }
      continue;
    }
    const std::string a = before[i].text(), b = after[i].text();
    if (a != b) differences.push_back({before[i].path, a, b});
  }
  return differences;
}

}  // namespace fsc::config
