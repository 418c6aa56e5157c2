// spaCy's Tokenizer._split_affixes and _attach_tokens, rule for rule.
#include "text/detail_affixes.h"

namespace fsc::detail {
namespace {

Regex read_regex(Reader& reader, const char* what) { return Regex(reader.text(), reader.name() + ", " + what); }

void append_special(const std::vector<std::pair<std::string, std::string>>& words, std::vector<Cut>& cuts) {
  for (const auto& [text, norm] : words) cuts.push_back({text, norm});
}

}  // namespace

Affixes::Affixes(Reader& reader)
    : prefix_(read_regex(reader, "prefixes")),
      suffix_(read_regex(reader, "suffixes")),
      infix_(read_regex(reader, "infixes")),
      url_(read_regex(reader, "URLs")) {
  if (infix_.find("")) reader.fail("the expression for infixes matches nothing at all, which would never end");
  read_specials(reader);
  find_scattered();
}

void Affixes::read_specials(Reader& reader) {
  for (uint32_t left = reader.count(8); left > 0; --left) {
    const std::string text = reader.text();
    if (text.empty()) reader.fail("a special case without text");
    std::string joined;
    Special words;
    for (uint32_t pieces = reader.count(8); pieces > 0; --pieces) {
      std::string word = reader.text();
      if (word.empty()) reader.fail("the special case '" + text + "' has an empty word");
      joined += word;
      words.emplace_back(std::move(word), reader.text());
    }
    if (joined != text) reader.fail("the words of the special case '" + text + "' do not make it up");
    specials_.emplace(text, std::move(words));
  }
}

void Affixes::find_scattered() {
  for (const auto& [text, unused] : specials_) {
    if (!prefix_.find(text) && !infix_.find(text) && !suffix_.find(text) && text.find(' ') == std::string::npos) continue;
    Scattered scattered{text, {}};
    for (const Cut& piece : cut(text, false)) scattered.words.emplace_back(piece.text);
    scattered_[scattered.words.front()].push_back(std::move(scattered));
  }
}

const std::vector<Affixes::Scattered>& Affixes::scattered(std::string_view first_word) const {
  static const std::vector<Scattered> none;
  const auto found = scattered_.find(first_word);
  return found == scattered_.end() ? none : found->second;
}

std::vector<Cut> Affixes::cut(std::string_view chunk, bool with_specials) const {
  std::vector<Cut> cuts;
  if (with_specials) {
    if (const auto special = specials_.find(chunk); special != specials_.end()) {
      append_special(special->second, cuts);
      return cuts;
    }
  }
  if (chunk.size() > kMaxChunk) {
    cuts.push_back({chunk, {}});
    return cuts;
  }
  const Stripped stripped = strip(chunk, with_specials);
  for (const std::string_view prefix : stripped.prefixes) cuts.push_back({prefix, {}});
  if (!stripped.rest.empty()) {
    const auto special = with_specials ? specials_.find(stripped.rest) : specials_.end();
    if (special != specials_.end())
      append_special(special->second, cuts);
    else if (url_.find(stripped.rest))
      cuts.push_back({stripped.rest, {}});
    else
      cut_infixes(stripped.rest, cuts);
  }
  for (auto suffix = stripped.suffixes.rbegin(); suffix != stripped.suffixes.rend(); ++suffix) cuts.push_back({*suffix, {}});
  return cuts;
}

/// Takes affixes off both ends until nothing changes or a special case is left.
Affixes::Stripped Affixes::strip(std::string_view chunk, bool with_specials) const {
  const auto special = [&](std::string_view text) { return with_specials && !text.empty() && is_special(text); };
  Stripped result{{}, {}, chunk};
  std::string_view& rest = result.rest;
  for (size_t last_size = 0; !rest.empty() && rest.size() != last_size && !special(rest);) {
    last_size = rest.size();
    const auto prefix = prefix_.find(rest);
    const size_t prefix_size = prefix ? prefix->size() : 0;
    const std::string_view without_prefix = rest.substr(prefix_size);
    if (prefix_size > 0 && special(without_prefix)) {
      result.prefixes.push_back(rest.substr(0, prefix_size));
      rest = without_prefix;
      break;
    }
    const auto suffix = suffix_.find(without_prefix);
    const size_t suffix_size = suffix ? suffix->size() : 0;
    const std::string_view without_suffix = rest.substr(0, rest.size() - suffix_size);
    if (suffix_size > 0 && special(without_suffix)) {
      result.suffixes.push_back(rest.substr(without_suffix.size()));
      rest = without_suffix;
      break;
    }
    if (prefix_size > 0) result.prefixes.push_back(rest.substr(0, prefix_size));
    // The suffix was looked for behind the prefix, so both fit; where they are the whole text, nothing is left.
    if (suffix_size > 0) result.suffixes.push_back(rest.substr(without_suffix.size()));
    rest = rest.substr(prefix_size, rest.size() - prefix_size - suffix_size);
  }
  return result;
}

void Affixes::cut_infixes(std::string_view text, std::vector<Cut>& cuts) const {
  size_t begin = 0;
  for (size_t from = 0; const auto infix = infix_.find(text, from);) {
    from = infix->end;
    if (infix->begin == 0) continue;  // an infix at the start splits nothing off, and stays
    if (infix->begin != begin) cuts.push_back({text.substr(begin, infix->begin - begin), {}});
    cuts.push_back({text.substr(infix->begin, infix->size()), {}});
    begin = infix->end;
  }
  if (begin < text.size()) cuts.push_back({text.substr(begin), {}});
}

}  // namespace fsc::detail
