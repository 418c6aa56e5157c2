// Options declared once: a struct lists its fields to a Collector, and every other use works on the collected table.
//
//   struct OptimConfig {
//     double lr = 5e-6;
//     void fields(config::Collector& v) { v(lr, "lr", "Peak learning rate", above(0.0)); }  // in the .cpp
//   };
//
// From that one line come the YAML key, `--set optim.lr=...`, `--help`, validation, the saved config.yaml and resume's diff.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fsc::config {

/// Range of a number (or of every element of a list of numbers), with its wording for --help and errors.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;
  bool contains(double x) const { return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high); }
  std::string text() const;  ///< "> 0", "0 .. 1", "" when unbounded
};
inline Range any_value() { return {}; }
inline Range above(double low) { return {.low = low, .low_open = true}; }
inline Range at_least(double low) { return {.low = low}; }
inline Range between(double low, double high) { return {.low = low, .high = high}; }
inline Range between_open_high(double low, double high) { return {.low = low, .high = high, .high_open = true}; }

/// Names of an enum's values in order 0, 1, 2, ...; specialise for each enum that is an option:
///   template <> struct fsc::config::EnumNames<Schedule> { static constexpr const char* names[] = {"cosine", "const"}; };
template <class E>
struct EnumNames;
template <class E>
std::string enum_name(E value) {
  return EnumNames<E>::names[static_cast<size_t>(value)];
}

/// An enum seen as an index into its names.
struct EnumRef {
  std::vector<std::string> names;
  std::function<size_t()> get;
  std::function<void(size_t)> set;
};

struct Field;
using FieldTable = std::vector<Field>;

/// A list of structs: one table per element.
struct ListRef {
  std::function<size_t()> size;
  std::function<void(size_t)> resize;
  std::function<FieldTable(size_t index, const std::string& path)> fields_at;
  bool one_as_map = false;  ///< a single element may be written as a plain map, and is
};

/// A group that may be switched off by the scalar "none" (data.augment: none | {scale: ...}).
struct ToggleRef {
  bool* enabled;
};

/// string or map string -> string (a suite's `images`); the plain string is stored under the key "".
using StringMap = std::map<std::string, std::string>;

/// Lists of strings or of enums' names are vectors of strings with `choices`.
struct Field {
  using Value = std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*, std::vector<double>*, StringMap*,
                             EnumRef, ListRef, ToggleRef>;
  std::string path;  ///< dotted key, e.g. "optim.lr"
  std::string help;
  Value value;
  Range range;
  std::vector<std::string> choices;  ///< allowed strings, for strings and lists of strings; empty = any
  std::string default_text;          ///< the default as YAML
  std::string type_text() const;     ///< "number > 0", "one of fp32, amp, ...", for --help and errors
  std::string text() const;          ///< the current value as one-line YAML
};

/// Builds a FieldTable from a config struct. Units belong into the help text.
class Collector {
 public:
  Collector(FieldTable& table, std::string prefix) : table_(table), prefix_(std::move(prefix)) {}

  void operator()(bool& v, const char* key, const char* help) { push(&v, key, help); }
  void operator()(int64_t& v, const char* key, const char* help, Range range = {}) { push(&v, key, help, range); }
  void operator()(double& v, const char* key, const char* help, Range range = {}) { push(&v, key, help, range); }
  void operator()(std::string& v, const char* key, const char* help, std::vector<std::string> choices = {}) {
    push(&v, key, help, {}, std::move(choices));
  }
  void operator()(std::vector<std::string>& v, const char* key, const char* help, std::vector<std::string> choices = {}) {
    push(&v, key, help, {}, std::move(choices));
  }
  void operator()(std::vector<double>& v, const char* key, const char* help, Range range = {}) { push(&v, key, help, range); }
  void operator()(StringMap& v, const char* key, const char* help) { push(&v, key, help); }

  template <class E>
  requires std::is_enum_v<E>
  void operator()(E& v, const char* key, const char* help) {
    EnumRef ref;
    for (const char* name : EnumNames<E>::names) ref.names.emplace_back(name);
    ref.get = [&v] { return static_cast<size_t>(v); };
    ref.set = [&v](size_t i) { v = static_cast<E>(i); };
    push(std::move(ref), key, help);
  }
  /// A nested struct with its own fields().
  template <class S>
  void group(S& s, const char* key) {
    Collector inner(table_, join(key));
    s.fields(inner);
  }
  /// A nested struct that "none" switches off; `enabled` tells which.
  template <class S>
  void optional_group(S& s, bool& enabled, const char* key, const char* help) {
    push(ToggleRef{&enabled}, key, help);
    group(s, key);
  }
  template <class S>
  void list(std::vector<S>& items, const char* key, const char* help) {
    push(list_of(items), key, help);
  }
  /// The same, but a map stands for a list of one: its keys are `key.name`, those of a list's elements `key[0].name`.
  template <class S>
  void map_or_list(std::vector<S>& items, const char* key, const char* help) {
    ListRef ref = list_of(items);
    ref.one_as_map = true;
    push(std::move(ref), key, help);
  }

 private:
  template <class S>
  static ListRef list_of(std::vector<S>& items) {
    ListRef ref;
    ref.size = [&items] { return items.size(); };
    ref.resize = [&items](size_t n) { items.resize(n); };
    ref.fields_at = [&items](size_t i, const std::string& path) {
      FieldTable table;
      Collector inner(table, path);
      items[i].fields(inner);
      return table;
    };
    return ref;
  }
  std::string join(const char* key) const { return prefix_.empty() ? key : prefix_ + "." + key; }
  void push(Field::Value value, const char* key, const char* help, Range range = {}, std::vector<std::string> choices = {});

  FieldTable& table_;
  std::string prefix_;
};

/// The table with each map_or_list of one element replaced by that element's fields.
FieldTable with_single_elements(const FieldTable& fields);

/// The table of a config; it points into `config`, which must outlive it.
template <class C>
FieldTable fields_of(C& config) {
  FieldTable table;
  Collector collector(table, "");
  config.fields(collector);
  return table;
}

}  // namespace fsc::config
