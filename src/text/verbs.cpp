// spaCy's Lemmatizer.rule_lemmatize for the part of speech VERB.
#include "text/detail_verbs.h"

#include <algorithm>

#include "fsc/core/unicode.h"

namespace fsc::detail {
namespace {

bool all_letters(std::string_view text) {
  for (size_t at = 0; at < text.size();)
    if (!is_letter(next_code_point(text, at))) return false;
  return true;
}

}  // namespace

Verbs::Verbs(Reader& reader) {
  for (uint32_t left = reader.count(8); left > 0; --left) {
    auto& lemmas = exceptions_[reader.text()];
    for (uint32_t count = reader.count(4); count > 0; --count) lemmas.push_back(reader.text());
  }
  for (uint32_t left = reader.count(4); left > 0; --left) known_.insert(reader.text());
  for (uint32_t left = reader.count(8); left > 0; --left) {
    std::string old = reader.text();
    endings_.emplace_back(std::move(old), reader.text());
  }
}

std::string Verbs::lemma(std::string_view word) const {
  const std::string lowered = lower(word);
  std::vector<std::string> known, odd, unknown;
  for (const auto& [old, replacement] : endings_) {
    if (!lowered.ends_with(old)) continue;
    std::string form = lowered.substr(0, lowered.size() - old.size()) + replacement;
    if (form.empty()) continue;
    (known_.find(form) != known_.end() ? known : all_letters(form) ? unknown : odd).push_back(std::move(form));
  }
  // The reference makes a list, of which only the first entry is ever used: exceptions that no ending gives, the last one first,
  // then known verbs, those of the last endings first, then forms with other characters than letters.
  const auto given = [&](const std::string& form) {
    return std::find(known.begin(), known.end(), form) != known.end() || std::find(odd.begin(), odd.end(), form) != odd.end();
  };
  if (const auto exception = exceptions_.find(lowered); exception != exceptions_.end())
    for (auto form = exception->second.rbegin(); form != exception->second.rend(); ++form)
      if (!given(*form)) return *form;
  if (!known.empty()) return known.back();
  if (!odd.empty()) return odd[0];
  return unknown.empty() ? std::string(word) : unknown[0];
}

}  // namespace fsc::detail
