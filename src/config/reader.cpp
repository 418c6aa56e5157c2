// YAML and --set into fields; every mistake becomes a line of Problems.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>

#include "fsc/config/config.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc::config {
namespace {

/// Reads one document: knows the fields, the place of each node, and where problems go.
class Reader {
 public:
  Reader(FieldTable& fields, Problems& problems, std::string name, bool with_lines)
      : problems_(problems), name_(std::move(name)), with_lines_(with_lines) {
    for (auto& field : fields) fields_[field.path] = &field;
  }

  void read_map(const YAML::Node& node, const std::string& prefix) {
    for (const auto& pair : node) {
      if (problems_.full()) return;
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
      const std::string path = prefix.empty() ? key : prefix + "." + key;
      if (!seen_.insert(path).second) problems_.add_at(place(pair.first), path, "is given twice");
      read_path(path, pair.second, pair.first);
    }
  }

  /// `value` for the dotted `path`, which is a field, a group of fields, or unknown.
  void read_path(const std::string& path, const YAML::Node& value, const YAML::Node& where) {
    const auto it = fields_.find(path);
    const bool group = is_group(path);
    if (it == fields_.end() && !group) {
      if (read_in_element(path, value, where)) return;
      return unknown(path, where);
    }
    problems_.remember(path, place(where));
    if (it != fields_.end() && !(std::holds_alternative<ToggleRef>(it->second->value) && value.IsMap())) {
      assign(*it->second, value, where);
    } else if (value.IsMap()) {
      if (it != fields_.end()) *std::get<ToggleRef>(it->second->value).enabled = true;
      read_map(value, path);
    } else if (!value.IsNull()) {
      problems_.add_at(place(where), path,
                       "is a group of keys, got " + shown(value) + "; expected a map such as " + example(path));
    }
  }

 private:
  bool is_group(const std::string& path) const {
    const auto it = fields_.lower_bound(path + ".");
    return it != fields_.end() && it->first.compare(0, path.size() + 1, path + ".") == 0;
  }

  /// `list.key` of a list of one, or `list[2].key`: handed on to that element's fields.
  bool read_in_element(const std::string& path, const YAML::Node& value, const YAML::Node& where) {
    for (const auto& [name, field] : fields_) {
      auto* list = std::get_if<ListRef>(&field->value);
      if (!list || path.compare(0, name.size(), name) != 0 || path.size() <= name.size()) continue;
      std::string element = name;
      size_t index = 0;
      if (path[name.size()] == '[') {
        const size_t end = path.find(']', name.size());
        const char* digits = path.data() + name.size() + 1;
        if (end == std::string::npos || std::from_chars(digits, path.data() + end, index).ptr != path.data() + end ||
            digits == path.data() + end)
          continue;
        element = path.substr(0, end + 1);
      } else if (!list->one_as_map || list->size() > 1) {
        if (path[name.size()] != '.' || !list->one_as_map) continue;
        problems_.add_at(place(where), path,
                         "there are " + std::to_string(list->size()) + " of " + name + "; say which one: " + name + "[0]" +
                             path.substr(name.size()));
        return true;
      } else {
        if (list->size() == 0) list->resize(1);
      }
      if (path.size() <= element.size() + 1 || path[element.size()] != '.') continue;
      if (index >= list->size()) {
        problems_.add_at(
            place(where), path,
            "there is no " + element + "; the list has " + std::to_string(list->size()) + " elements, counted from 0");
        return true;
      }
      FieldTable inner = list->fields_at(index, element);
      Reader(inner, problems_, name_, with_lines_).read_path(path, value, where);
      return true;
    }
    return false;
  }

  std::string example(const std::string& path) const {
    const std::string key = fields_.lower_bound(path + ".")->first.substr(path.size() + 1);
    return "{" + key + ": " + fields_.lower_bound(path + ".")->second->default_text + "}";
  }

  void unknown(const std::string& path, const YAML::Node& where) {
    std::vector<std::string> names;
    FieldTable table;
    for (const auto& [name, field] : fields_) table.push_back(*field);
    for (const auto& field : with_single_elements(table)) {
      const std::string& name = field.path;
      names.push_back(name);
      for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
        names.push_back(name.substr(0, dot));
    }
    const std::string last = "." + path.substr(path.rfind('.') + 1);  // the right key in the wrong group is the better guess
    std::vector<std::string> same_key;
    std::copy_if(names.begin(), names.end(), std::back_inserter(same_key),
                 [&](const std::string& name) { return name.ends_with(last); });
    std::string near = nearest_name(path, same_key.empty() ? names : same_key);
    if (near.empty() && !same_key.empty()) near = same_key.front();
    problems_.mark_misread(near);
    problems_.add_at(place(where), path,
                     "unknown key" + (near.empty() ? "; --help lists all keys" : "; did you mean " + near + "?"));
  }

  std::string place(const YAML::Node& node) const {
    return with_lines_ && node.Mark().line >= 0 ? name_ + ":" + std::to_string(node.Mark().line + 1) : name_;
  }

  static std::string shown(const YAML::Node& node) {
    if (node.IsNull()) return "nothing";
    if (node.IsScalar()) return "'" + node.Scalar() + "'";
    return node.IsMap() ? "a map" : "a list";
  }

  void expected(const Field& field, const YAML::Node& value, const YAML::Node& where, const std::string& extra = "") {
    problems_.add_at(place(where), field.path, "expected " + field.type_text() + ", got " + shown(value) + extra);
  }

  static bool parse_number(const YAML::Node& node, double& out) {
    if (!node.IsScalar() || node.Tag() == "!") return false;  // a quoted scalar is a text
    const std::string& text = node.Scalar();
    if (text == ".inf" || text == "-.inf" || text == ".nan") return false;
    const char* begin = text.data() + (text.size() > 1 && text[0] == '+' && text[1] != '-');
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(out);
  }

  /// Scalars of a list, or one scalar taken as a list of one.
  static bool scalars(const YAML::Node& node, std::vector<YAML::Node>& out) {
    if (node.IsScalar()) return out.push_back(node), true;
    if (!node.IsSequence()) return false;
    for (const auto& item : node) {
      if (!item.IsScalar()) return false;
      out.push_back(item);
    }
    return true;
  }

  static bool allowed(const Field& field, const std::string& text) {
    return field.choices.empty() || std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end();
  }

  void assign(Field& field, const YAML::Node& value, const YAML::Node& where) {
    struct Visitor {
      Reader& self;
      Field& field;
      const YAML::Node& value;
      const YAML::Node& where;
      bool fail(const std::string& extra = "") { return self.expected(field, value, where, extra), false; }

      void operator()(bool* out) {
        const std::string text = value.IsScalar() ? value.Scalar() : "";
        if (text == "true" || text == "True")
          *out = true;
        else if (text == "false" || text == "False")
          *out = false;
        else
          fail();
      }
      void operator()(int64_t* out) {
        double number = 0;
        if (!parse_number(value, number) || number != std::floor(number) || std::abs(number) > 9e15) {
          fail();
          return;
        }
        if (!field.range.contains(number)) {
          fail();
          return;
        }
        *out = static_cast<int64_t>(number);
      }
      void operator()(double* out) {
        double number = 0;
        if (!parse_number(value, number) || !field.range.contains(number)) {
          fail();
          return;
        }
        *out = number;
      }
      void operator()(std::string* out) {
        if (value.IsNull()) {
          out->clear();
          return;
        }
        if (!value.IsScalar()) {
          fail();
          return;
        }
        if (!allowed(field, value.Scalar())) {
          fail(suggest(value.Scalar(), field.choices));
          return;
        }
        *out = value.Scalar();
      }
      void operator()(std::vector<std::string>* out) {
        std::vector<YAML::Node> items;
        if (!scalars(value, items)) {
          fail();
          return;
        }
        std::vector<std::string> texts;
        for (const auto& item : items) {
          if (!allowed(field, item.Scalar())) {
            fail(": '" + item.Scalar() + "'" + suggest(item.Scalar(), field.choices));
            return;
          }
          texts.push_back(item.Scalar());
        }
        *out = texts;
      }
      void operator()(std::vector<double>* out) {
        std::vector<YAML::Node> items;
        if (!scalars(value, items)) {
          fail();
          return;
        }
        std::vector<double> numbers;
        for (const auto& item : items) {
          double number = 0;
          if (!parse_number(item, number) || !field.range.contains(number)) {
            fail(item.IsScalar() ? ": '" + item.Scalar() + "'" : "");
            return;
          }
          numbers.push_back(number);
        }
        *out = numbers;
      }
      void operator()(StringMap* out) {
        StringMap map;
        if (value.IsScalar()) {
          if (!value.Scalar().empty()) map[""] = value.Scalar();
        } else if (value.IsMap()) {
          for (const auto& pair : value) {
            if (!pair.first.IsScalar() || !pair.second.IsScalar()) {
              fail();
              return;
            }
            map[pair.first.Scalar()] = pair.second.Scalar();
          }
        } else if (!value.IsNull()) {
          fail();
          return;
        }
        *out = map;
      }
      void operator()(EnumRef& ref) {
        const auto it = value.IsScalar() ? std::find(ref.names.begin(), ref.names.end(), value.Scalar()) : ref.names.end();
        if (it == ref.names.end()) {
          fail(value.IsScalar() ? suggest(value.Scalar(), ref.names) : "");
          return;
        }
        ref.set(static_cast<size_t>(it - ref.names.begin()));
      }
      void operator()(ListRef& ref) {
        if (ref.one_as_map && value.IsMap()) {
          if (ref.size() != 1) ref.resize(0), ref.resize(1);
          FieldTable inner = ref.fields_at(0, field.path);
          Reader(inner, self.problems_, self.name_, self.with_lines_).read_map(value, field.path);
          return;
        }
        if (!value.IsSequence()) {
          fail();
          return;
        }
        ref.resize(0);  // a new list, not a change of an earlier one's elements
        ref.resize(value.size());
        for (size_t i = 0; i < value.size() && !self.problems_.full(); ++i) {
          const std::string path = field.path + "[" + std::to_string(i) + "]";
          if (!value[i].IsMap()) {
            self.problems_.add_at(self.place(value[i]), path, "expected a map, got " + shown(value[i]));
            continue;
          }
          FieldTable inner = ref.fields_at(i, path);
          Reader reader(inner, self.problems_, self.name_, self.with_lines_);
          reader.read_map(value[i], path);
        }
      }
      void operator()(ToggleRef& ref) {
        const std::string text = value.IsScalar() ? value.Scalar() : "";
        if (text == "none" || value.IsNull())
          *ref.enabled = false;
        else
          fail();
      }
      static std::string suggest(const std::string& word, const std::vector<std::string>& names) {
        const std::string near = nearest_name(word, names);
        return near.empty() ? "" : "; did you mean " + near + "?";
      }
    };
    std::visit(Visitor{*this, field, value, where}, field.value);
  }

  std::map<std::string, Field*> fields_;
  std::set<std::string> seen_;  // paths, so that "optim.lr: 1" beside optim: {lr: 2} is seen too
  Problems& problems_;
  std::string name_;
  bool with_lines_;
};

/// YAML::Load would read the first document and say nothing of what comes after it.
YAML::Node single_document(const std::string& text) {
  const std::vector<YAML::Node> documents = YAML::LoadAll(text);
  if (documents.size() > 1) throw YAML::ParserException(documents[1].Mark(), "a second document begins here; one was expected");
  return documents.empty() ? YAML::Node() : documents[0];
}

}  // namespace

void read_yaml_text(FieldTable fields, const std::string& text, const std::string& name, Problems& problems) {
  try {
    const YAML::Node root = single_document(text);
    if (root.IsNull()) return;
    if (!root.IsMap()) return problems.add_unread(name, "expected a map of keys at the top level");
    Reader(fields, problems, name, true).read_map(root, "");
  } catch (const YAML::Exception& error) {
    problems.add_unread(error.mark.is_null() ? name : name + ":" + std::to_string(error.mark.line + 1),
                        "this is not valid YAML: " + error.msg);
  }
}

void read_yaml(FieldTable fields, const std::filesystem::path& file, Problems& problems) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    return problems.add_unread("", error.what());
  }
  read_yaml_text(std::move(fields), text, file.string(), problems);
}

void apply_overrides(FieldTable fields, const std::vector<std::string>& overrides, Problems& problems) {
  for (const auto& text : overrides) {
    const std::string place = "--set " + text;
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.add_at(place, "", "expected key.path=value");
      continue;
    }
    try {
      const std::string path = text.substr(0, equals);
      // Setting a key of a switched-off group switches it on.
      for (auto& field : fields)
        if (auto* toggle = std::get_if<ToggleRef>(&field.value);
            toggle && path.compare(0, field.path.size() + 1, field.path + ".") == 0)
          *toggle->enabled = true;
      const YAML::Node value = single_document(text.substr(equals + 1));
      Reader(fields, problems, place, false).read_path(path, value, value);
    } catch (const YAML::Exception& error) {
      problems.add_at(place, "", "the value is not valid YAML: " + error.msg);
    }
  }
}

}  // namespace fsc::config
