// The table of inflected forms: lemma -> (Penn Treebank tag, form), all as numbers of pooled strings.
#include "fsc/text/inflections.h"

#include <algorithm>
#include <utility>

#include "fsc/core/unicode.h"
#include "text/detail_tables.h"

namespace fsc {
namespace {

bool is_upper_ascii(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower_ascii(char c) { return c >= 'a' && c <= 'z'; }

/// Calls `use(character)` for each character until it returns false; tells whether it never did.
template <class Use>
bool all_characters(std::string_view text, const Use& use) {
  const std::u32string characters = decode_utf8(text);
  return std::all_of(characters.begin(), characters.end(), use);
}

}  // namespace

bool is_upper_case(std::string_view text) {
  bool any = false;
  return all_characters(text,
                        [&](char32_t character) {
                          any |= is_upper(character);
                          return !is_lower(character) && !is_title(character);
                        }) &&
         any;
}

bool is_title_case(std::string_view text) {
  bool any = false, in_word = false;
  return all_characters(text,
                        [&](char32_t character) {
                          const bool starts = is_upper(character) || is_title(character), goes_on = is_lower(character);
                          if (starts ? in_word : goes_on && !in_word) return false;
                          in_word = starts || goes_on;
                          any |= in_word;
                          return true;
                        }) &&
         any;
}

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (is_lower_ascii(c)) c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string title_case(std::string text) {
  bool in_word = false;
  for (char& c : text) {
    if (in_word && is_upper_ascii(c)) c = static_cast<char>(c - 'A' + 'a');
    if (!in_word && is_lower_ascii(c)) c = static_cast<char>(c - 'a' + 'A');
    in_word = is_upper_ascii(c) || is_lower_ascii(c);
  }
  return text;
}

struct Inflections::Impl {
  detail::StringPool tags, strings;
  detail::WordLists forms;  ///< lemma -> tag, form, tag, form, ...
};

Inflections::Inflections(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Inflections::~Inflections() = default;

std::unique_ptr<Inflections> Inflections::parse(std::string_view bytes, const std::string& name) {
  detail::Reader reader(bytes, name);
  auto impl = std::make_unique<Impl>();
  impl->tags = detail::StringPool::read(reader);
  impl->strings = detail::StringPool::read(reader);
  impl->forms = detail::WordLists::read(reader, impl->strings.size(), impl->strings.size(), "form");
  reader.expect_end();
  return std::unique_ptr<Inflections>(new Inflections(std::move(impl)));
}

std::optional<std::string_view> Inflections::find(std::string_view lemma, std::string_view tag) const {
  const auto tag_number = impl_->tags.find(tag);
  const auto lemma_number = impl_->strings.find(lower(lemma));
  if (!tag_number || !lemma_number) return std::nullopt;
  const auto forms = impl_->forms.find(*lemma_number).value_or(std::span<const uint32_t>());
  for (size_t i = 0; i + 1 < forms.size(); i += 2) {
    if (forms[i] == *tag_number) return impl_->strings[forms[i + 1]];
  }
  return std::nullopt;
}

std::string Inflections::inflect(std::string_view word, std::string_view tag) const {
  const auto found = find(word, tag);
  if (!found || word.empty()) return std::string(word);
  std::string form(*found);
  if (is_upper_case(word)) return upper_case(std::move(form));
  form = lower(form);
  if (is_upper_ascii(word.front()) && !form.empty()) form.replace(0, 1, upper_case(form.substr(0, 1)));
  return form;
}

}  // namespace fsc
