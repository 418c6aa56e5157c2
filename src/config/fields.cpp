// Text forms of fields: type descriptions, ranges and one-line YAML values.
#include "fsc/config/fields.h"

#include <charconv>
#include <cmath>
#include <set>

#include "config/detail_text.h"

namespace fsc::config {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // shortest text that reads back exactly
  std::string text(buffer, end);
  // "5e-06" is a float to YAML 1.2 readers but a string to 1.1 ones, which want a dot.
  if (const auto e = text.find('e'); e != std::string::npos && text.find('.') == std::string::npos) text.insert(e, ".0");
  return text;
}

std::string quoted(const std::string& value) {
  static const std::string plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+";
  static const std::set<std::string> reserved = {"true", "false", "null", "none", "yes", "no", "on", "off", "y", "n"};
  std::string lower = value;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool looks_like_word = !value.empty() && value.find_first_not_of(plain) == std::string::npos && lower[0] >= 'a' &&
                               lower[0] <= 'z' && !reserved.count(lower);
  const bool looks_like_path = value.size() > 1 && value[0] == '/' && value.find_first_not_of(plain) == std::string::npos;
  if (looks_like_word || looks_like_path) return value;
  static const char* hex = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\')
      text += '\\', text += c;
    else if (c == '\n')
      text += "\\n";
    else if (c == '\t')
      text += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      text += "\\x", text += hex[c >> 4], text += hex[c & 15];
    else
      text += c;
  }
  return text + "\"";
}

std::string Range::text() const {
  if (std::isinf(low) && std::isinf(high)) return "";
  if (std::isinf(high)) return (low_open ? "> " : ">= ") + number_text(low);
  if (std::isinf(low)) return (high_open ? "< " : "<= ") + number_text(high);
  return number_text(low) + " .. " + number_text(high) + (low_open || high_open ? " (open end excluded)" : "");
}

std::string Field::type_text() const {
  const std::string limits = range.text().empty() ? "" : " " + range.text();
  const std::string allowed = choices.empty() ? "" : " of " + joined(choices);
  return std::visit(Overloaded{
                        [](bool*) { return std::string("true or false"); },
                        [&](int64_t*) { return "whole number" + limits; },
                        [&](double*) { return "number" + limits; },
                        [&](std::string*) { return choices.empty() ? std::string("text") : "one" + allowed; },
                        [&](std::vector<std::string>*) { return (choices.empty() ? "list of texts" : "list") + allowed; },
                        [&](std::vector<double>*) { return "list of numbers" + limits; },
                        [](StringMap*) { return std::string("text, or a map of texts"); },
                        [](const EnumRef& e) { return "one of " + joined(e.names); },
                        [](const ListRef& l) { return std::string(l.one_as_map ? "a map, or a list of maps" : "list of maps"); },
                        [](const ToggleRef&) { return std::string("none, or a map"); },
                    },
                    value);
}

std::string Field::text() const {
  return std::visit(Overloaded{
                        [](const bool* v) { return std::string(*v ? "true" : "false"); },
                        [](const int64_t* v) { return std::to_string(*v); },
                        [](const double* v) { return number_text(*v); },
                        [](const std::string* v) { return quoted(*v); },
                        [](const std::vector<std::string>* v) {
                          std::string text;
                          for (const auto& item : *v) text += (text.empty() ? "" : ", ") + quoted(item);
                          return "[" + text + "]";
                        },
                        [](const std::vector<double>* v) {
                          std::string text;
                          for (const double item : *v) text += (text.empty() ? "" : ", ") + number_text(item);
                          return "[" + text + "]";
                        },
                        [](const StringMap* v) {
                          if (v->empty()) return quoted("");
                          if (v->size() == 1 && v->begin()->first.empty()) return quoted(v->begin()->second);
                          std::string text;
                          for (const auto& [key, item] : *v)
                            text += (text.empty() ? "" : ", ") + quoted(key) + ": " + quoted(item);
                          return "{" + text + "}";
                        },
                        [](const EnumRef& e) { return e.names[e.get()]; },
                        [&](const ListRef& l) {
                          std::string text;
                          for (size_t i = 0; i < l.size(); ++i) {
                            std::string item;
                            for (const auto& field : l.fields_at(i, ""))
                              item += (item.empty() ? "" : ", ") + field.path + ": " + field.text();
                            text += (text.empty() ? "{" : ", {") + item + "}";
                          }
                          return "[" + text + "]";
                        },
                        [](const ToggleRef& t) { return std::string(*t.enabled ? "on" : "none"); },
                    },
                    value);
}

FieldTable with_single_elements(const FieldTable& fields) {
  FieldTable table;
  for (const auto& field : fields) {
    const auto* list = std::get_if<ListRef>(&field.value);
    if (!list || !list->one_as_map || list->size() != 1) {
      table.push_back(field);
      continue;
    }
    for (auto& inner : list->fields_at(0, field.path)) table.push_back(std::move(inner));
  }
  return table;
}

void Collector::push(Field::Value value, const char* key, const char* help, Range range, std::vector<std::string> choices) {
  Field field{join(key), help, std::move(value), range, std::move(choices), ""};
  field.default_text = field.text();
  table_.push_back(std::move(field));
}

}  // namespace fsc::config
