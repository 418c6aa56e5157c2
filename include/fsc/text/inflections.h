// Inflected forms of English words by Penn Treebank tag (the AGID table of pyinflect), and the case of words.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fsc {

/// Immutable and thread-safe.
class Inflections {
 public:
  /// First spelling of `lemma` (any case) under `tag`, as the table has it, such as "men" for ("man", "NNS"); nullopt when it has
  /// none.
  std::optional<std::string_view> find(std::string_view lemma, std::string_view tag) const;

  /// The same with the case of `word`: "Man" gives "Men", "MAN" gives "MEN". The word itself where the table has no form.
  std::string inflect(std::string_view word, std::string_view tag) const;

  ~Inflections();
  Inflections(const Inflections&) = delete;
  Inflections& operator=(const Inflections&) = delete;
  /// From the compact form in the text model's folder; Error as TextModel::load.
  static std::unique_ptr<Inflections> parse(std::string_view bytes, const std::string& name);

 private:
  struct Impl;
  explicit Inflections(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Python's str.isupper() and str.istitle(): "A" and "TWO-WAY" are upper, "A", "Red" and "In Front" title; "" and "12" neither.
bool is_upper_case(std::string_view text);
bool is_title_case(std::string_view text);

/// Python's str.upper() and str.title() of ASCII letters, all that the words of WordNet and AGID have.
std::string upper_case(std::string text);
std::string title_case(std::string text);

}  // namespace fsc
