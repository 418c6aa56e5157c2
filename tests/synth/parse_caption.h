// Reads a caption back into what it states, from a list of words of its own: the check on the world's writer.
#pragma once
#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "synth/detail_caption.h"

namespace fsc::test {

namespace parse {

using Vocabulary = std::vector<std::pair<std::string, std::string>>;  // word or phrase -> plain name

inline const Vocabulary& shapes() {
  static const Vocabulary words = {{"circle", "circle"},     {"disc", "circle"}, {"square", "square"}, {"box", "square"},
                                   {"triangle", "triangle"}, {"star", "star"},   {"cross", "cross"},   {"plus", "cross"},
                                   {"ring", "ring"},         {"hoop", "ring"},   {"heart", "heart"},   {"diamond", "diamond"},
                                   {"rhombus", "diamond"}};
  return words;
}
inline const Vocabulary& colours() {
  static const Vocabulary words = {{"red", "red"},       {"orange", "orange"}, {"yellow", "yellow"},
                                   {"green", "green"},   {"blue", "blue"},     {"purple", "purple"},
                                   {"violet", "purple"}, {"pink", "pink"},     {"white", "white"}};
  return words;
}
inline const Vocabulary& sizes() {
  static const Vocabulary words = {{"small", "small"}, {"little", "small"}, {"tiny", "small"},
                                   {"large", "large"}, {"big", "large"},    {"huge", "large"}};
  return words;
}
/// Said of the first thing against the second; longer phrases first.
inline const Vocabulary& relations() {
  static const Vocabulary words = {{"on the left side of", "left of"},
                                   {"on the right side of", "right of"},
                                   {"to the left of", "left of"},
                                   {"to the right of", "right of"},
                                   {"on the left of", "left of"},
                                   {"on the right of", "right of"},
                                   {"in the middle of", "inside"},
                                   {"left of", "left of"},
                                   {"right of", "right of"},
                                   {"higher than", "above"},
                                   {"above", "above"},
                                   {"over", "above"},
                                   {"beneath", "below"},
                                   {"below", "below"},
                                   {"under", "below"},
                                   {"surrounding", "around"},
                                   {"enclosing", "around"},
                                   {"around", "around"},
                                   {"inside", "inside"},
                                   {"within", "inside"}};
  return words;
}
/// Said of the second thing against the first: "a blue square with a red circle on its left".
inline const Vocabulary& backward_relations() {
  static const Vocabulary words = {{"on its left", "left of"}, {"on its right", "right of"}, {"above it", "above"},
                                   {"below it", "below"},      {"inside it", "inside"},      {"around it", "around"}};
  return words;
}

inline std::optional<std::string> look_up(const Vocabulary& words, const std::string& word) {
  const auto it = std::find_if(words.begin(), words.end(), [&](const auto& entry) { return entry.first == word; });
  return it == words.end() ? std::nullopt : std::optional(it->second);
}

template <class Enum>
Enum value_of(const std::string& name, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (name == synth::name_of(static_cast<Enum>(i))) return static_cast<Enum>(i);
  throw std::runtime_error("no value is called " + name);
}

/// Position of a phrase as whole words, npos when it is not there. `text` begins and ends with a blank.
inline size_t find_phrase(const std::string& text, const std::string& phrase) { return text.find(" " + phrase + " "); }

}  // namespace parse

inline synth::Shape shape_called(const std::string& name) { return parse::value_of<synth::Shape>(name, synth::kShapes); }
inline synth::Colour colour_called(const std::string& name) { return parse::value_of<synth::Colour>(name, synth::kColours); }
inline synth::Size size_called(const std::string& name) { return parse::value_of<synth::Size>(name, 2); }
inline synth::Relation relation_called(const std::string& name) {
  return parse::value_of<synth::Relation>(name, synth::kRelations);
}

/// Throws runtime_error for a caption without a coloured shape.
inline synth::Statement parse_caption(const std::string& caption) {
  std::string text = " ";
  for (const char c : caption)
    text += std::isalpha(static_cast<unsigned char>(c)) ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : ' ';
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  text = " ";
  for (const auto& word : words) text += word + " ";

  synth::Statement s;
  for (size_t i = 1; i < words.size(); ++i) {
    const auto shape = parse::look_up(parse::shapes(), words[i]), colour = parse::look_up(parse::colours(), words[i - 1]);
    if (!shape || !colour) continue;
    synth::Mention mention{shape_called(*shape), colour_called(*colour), std::nullopt};
    if (i > 1)
      if (const auto size = parse::look_up(parse::sizes(), words[i - 2])) mention.size = size_called(*size);
    s.mentions.push_back(mention);
  }
  if (s.mentions.empty()) throw std::runtime_error("nothing is mentioned in: " + caption);
  s.relation = s.mentions.size() == 1 ? synth::Relation::kAlone : synth::Relation::kWith;
  for (const auto& [phrase, name] : parse::backward_relations()) {
    if (parse::find_phrase(text, phrase) == std::string::npos) continue;
    s.relation = relation_called(name);
    std::swap(s.mentions.at(0), s.mentions.at(1));
    return s;
  }
  for (const auto& [phrase, name] : parse::relations()) {
    const size_t at = parse::find_phrase(text, phrase);
    if (at == std::string::npos) continue;
    s.relation = relation_called(name);
    if (at == 0) std::swap(s.mentions.at(0), s.mentions.at(1));  // "inside a green ring there is a star"
    return s;
  }
  return s;
}

}  // namespace fsc::test
