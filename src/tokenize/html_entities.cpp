// The HTML5 entity table is an asset; the rules here are the HTML standard's as Python's html.unescape has them.
#include "tokenize/detail_html_entities.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "tokenize/detail_windows1252.h"

namespace fsc::detail {
namespace {

using Names = std::unordered_map<std::u32string, std::u32string>;  // "amp;" and "amp" -> "&"

struct Entities {
  Names html5;   ///< as the standard lists them
  Names strict;  ///< with semicolon, and capitals of the all-lower-case ones
};

constexpr bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
constexpr bool is_alpha(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
constexpr bool is_hex(char32_t c) { return is_digit(c) || (c >= U'a' && c <= U'f') || (c >= U'A' && c <= U'F'); }

/// The longest known prefix of `name` (at least two characters, shorter than all of it), or 0.
size_t known_prefix(const Names& names, std::u32string_view name) {
  for (size_t length = name.size() - 1; length > 1; --length) {
    if (names.contains(std::u32string(name.substr(0, length)))) return length;
  }
  return 0;
}

std::u32string to_capitals(std::u32string_view text) { return decode_utf8(upper(encode_utf8(text))); }

void append_capital_names(Entities& entities) {
  for (const auto& [name, text] : entities.html5) {
    if (name.back() != U';') continue;
    entities.strict[name] = text;
    if (std::any_of(name.begin(), name.end(), [](char32_t c) { return c >= U'A' && c <= U'Z'; })) continue;
    const std::u32string capitals = to_capitals(name);
    // Names that the standard reads in another way keep that reading.
    if (entities.html5.contains(capitals) || known_prefix(entities.html5, capitals) > 0) continue;
    entities.strict[capitals] = to_capitals(text);
  }
}

Entities read_entities() {
  const auto path = find_asset("html5_entities.json");
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  const std::string advice = " is damaged: delete it and run scripts/setup again";
  if (!json.is_object()) throw Error(path.string() + advice + " (it is not a JSON object)");
  Entities entities;
  for (const auto& [name, text] : json.items()) {
    if (name.empty() || !text.is_string()) throw Error(path.string() + advice + " (entry \"" + name + "\")");
    entities.html5[decode_utf8(name)] = decode_utf8(text.get_ref<const std::string&>());
  }
  if (!entities.html5.contains(U"amp;")) throw Error(path.string() + advice + " (it has no \"amp;\")");
  append_capital_names(entities);
  return entities;
}

const Entities& entities() {
  static const Entities table = read_entities();
  return table;
}

bool is_dropped(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c & 0xFFFE) == 0xFFFE;
}

void append_code_point(uint32_t number, std::u32string& out) {
  if (number == 0 || (number >= 0xD800 && number <= 0xDFFF) || number > 0x10FFFF) {
    out.push_back(0xFFFD);
  } else if (number >= 0x80 && number <= 0x9F) {
    out.push_back(kWindows1252[number - 0x80]);
  } else if (!is_dropped(number)) {
    out.push_back(number);
  }
}

/// `at` is behind "&#". Appends the character and returns the position behind the reference, or 0 when there is no number.
size_t numeric_reference(std::u32string_view text, size_t at, std::u32string& out) {
  const bool hex = at < text.size() && (text[at] == U'x' || text[at] == U'X');
  const size_t first = at + hex;
  size_t end = first;
  uint32_t number = 0;
  for (; end < text.size() && (hex ? is_hex(text[end]) : is_digit(text[end])); ++end) {
    const uint32_t digit = is_digit(text[end]) ? text[end] - U'0' : (text[end] | 0x20) - U'a' + 10;
    number = std::min<uint32_t>(number * (hex ? 16 : 10) + digit, 0x110000);  // saturates: any larger number is invalid alike
  }
  if (end == first) return 0;
  append_code_point(number, out);
  return end < text.size() && text[end] == U';' ? end + 1 : end;
}

/// `at` is behind "&". As numeric_reference; an unknown name is copied.
size_t named_reference(std::u32string_view text, size_t at, std::u32string& out) {
  constexpr std::u32string_view kStops = U"\t\n\f <&#;";
  size_t end = at;
  while (end < text.size() && end - at < 32 && kStops.find(text[end]) == kStops.npos) ++end;
  if (end == at) return 0;
  if (end < text.size() && text[end] == U';') ++end;
  const std::u32string name(text.substr(at, end - at));
  const Names& names = entities().html5;
  if (const auto found = names.find(name); found != names.end()) {
    out += found->second;
  } else if (const size_t length = known_prefix(names, name); length > 0) {
    out += names.at(name.substr(0, length));
    out += name.substr(length);
  } else {
    out += U'&' + name;
  }
  return end;
}

constexpr size_t kLongestName = 24;  // that ftfy looks for: letters and digits between "&" or "&#" and ";"

/// The strict reference that starts at the "&" at `at`: its replacement in `out` and the position behind it, or 0.
size_t strict_reference(std::u32string_view text, size_t at, std::u32string& out) {
  const bool numeric = at + 1 < text.size() && text[at + 1] == U'#';
  const size_t first = at + 1 + numeric;
  size_t end = first;
  while (end < text.size() && end - first < kLongestName && (is_digit(text[end]) || is_alpha(text[end]))) ++end;
  if (end == first || end >= text.size() || text[end] != U';') return 0;
  ++end;
  if (numeric) {
    std::u32string character;
    // The whole reference must be the number, and an escaped semicolon stays escaped.
    if (numeric_reference(text, first, character) != end || character == U";") return 0;
    out += character;
    return end;
  }
  const Names& names = entities().strict;
  const auto found = names.find(std::u32string(text.substr(first, end - first)));
  if (found == names.end()) return 0;
  out += found->second;
  return end;
}

/// Copies `text`, with what `reference(position of "&", out)` replaces (it returns the position behind, or 0 for nothing).
template <typename Reference>
std::u32string replace_references(std::u32string_view text, Reference reference) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t ampersand = std::min(text.find(U'&', at), text.size());
    out += text.substr(at, ampersand - at);
    at = ampersand;
    if (at == text.size()) break;
    if (const size_t next = reference(at, out); next > 0) {
      at = next;
    } else {
      out.push_back(text[at++]);
    }
  }
  return out;
}

}  // namespace

void load_html_entities() { entities(); }

std::u32string unescape_html(std::u32string_view text) {
  return replace_references(text, [text](size_t at, std::u32string& out) {
    const bool numeric = at + 1 < text.size() && text[at + 1] == U'#';
    return numeric ? numeric_reference(text, at + 2, out) : named_reference(text, at + 1, out);
  });
}

std::u32string unescape_html_strict(std::u32string_view text) {
  return replace_references(text, [text](size_t at, std::u32string& out) { return strict_reference(text, at, out); });
}

bool take_strict_reference(std::u32string& text, std::u32string& replacement) {
  replacement.clear();
  const size_t first = text.size() - std::min(text.size(), kLongestName + 3);  // "&", "#" and ";" beside the name
  const size_t ampersand = std::u32string_view(text).substr(first).rfind(U'&');
  if (ampersand == text.npos || strict_reference(text, first + ampersand, replacement) != text.size()) return false;
  text.resize(first + ampersand);
  return true;
}

}  // namespace fsc::detail
