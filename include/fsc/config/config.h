// What is done with a table of fields: read YAML and overrides, report every problem at once, write, explain, compare.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fsc/config/fields.h"

namespace fsc::config {

/// Collects every mistake of a config before any is reported, each with where it was written.
class Problems {
 public:
  /// For rules between values: `path` is the dotted key; its place (file and line, or --set) is looked up when it was read from
  /// somewhere. Dropped when the key itself, or a group around it, was misread: its value says nothing then.
  void add(const std::string& path, const std::string& message);
  /// For readers: `path` was misread at `place`.
  void add_at(const std::string& place, const std::string& path, const std::string& message);
  /// For readers: nothing of the document could be read, so that rules between values are not worth checking.
  void add_unread(const std::string& place, const std::string& message);
  bool rules_apply() const { return !unread_ && !full(); }
  /// A key that was meant but not read, such as the one an unknown key is a misspelling of.
  void mark_misread(const std::string& path) { misread_.insert(path); }
  bool was_misread(const std::string& path) const { return misread_.count(path) > 0; }
  /// Readers stop here: a file of nothing but mistakes must not fill memory and screen.
  bool full() const { return lines_.size() >= 100; }
  void remember(const std::string& path, const std::string& place) { places_[path] = place; }
  bool was_set(const std::string& path) const { return places_.count(path) > 0; }
  bool empty() const { return lines_.empty(); }
  size_t size() const { return lines_.size(); }
  /// One numbered line a problem.
  std::string text() const;
  /// Throws UsageError with all of them; does nothing when there are none.
  void raise(const std::string& what) const;

 private:
  void push(const std::string& place, const std::string& path, const std::string& message);

  std::vector<std::string> lines_;
  std::map<std::string, std::string> places_;
  std::set<std::string> misread_;
  bool unread_ = false;
};

/// Reads `file` into the fields. Unknown keys (with the nearest known one), wrong types, values out of range and
/// duplicate keys become problems; so do YAML that does not parse, a second document, and a file that cannot be read.
void read_yaml(FieldTable fields, const std::filesystem::path& file, Problems& problems);
/// The same for YAML text; `name` stands for the file in messages.
void read_yaml_text(FieldTable fields, const std::string& text, const std::string& name, Problems& problems);
/// Applies "key.path=value" (value is YAML); later ones win over earlier ones and over the file.
void apply_overrides(FieldTable fields, const std::vector<std::string>& overrides, Problems& problems);

/// Every field with its current value, as nested YAML in declaration order; reads back to the same config.
std::string to_yaml(const FieldTable& fields);
/// Every key with type, range, default and help, grouped by its first part.
std::string help_text(const FieldTable& fields);

/// "optim.lr: 5e-06 -> 1e-05" for each field whose value differs; tables must come from the same struct type. The keys of a
/// group that is switched off on both sides do not count.
struct Difference {
  std::string path, before, after;
};
std::vector<Difference> diff(const FieldTable& before, const FieldTable& after);

/// defaults < file < overrides, then config.validate(problems); throws UsageError with all problems.
/// `C` has fields(V&) and `void validate(Problems&) const`.
template <class C>
C load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  C config;
  Problems problems;
  read_yaml(fields_of(config), file, problems);
  apply_overrides(fields_of(config), overrides, problems);
  if (problems.rules_apply()) config.validate(problems);
  problems.raise("the config " + file.string());
  return config;
}

}  // namespace fsc::config
