// One compiled regular expression (PCRE2), safe to use from any thread and on any text.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;

namespace fsc::detail {

class Regex {
 public:
  /// Error naming `where` when `pattern` does not compile.
  Regex(std::string_view pattern, const std::string& where);

  struct Match {
    size_t begin = 0, end = 0;
    size_t size() const { return end - begin; }
  };
  /// The first match at or after `from`; what stands before is seen by look-behinds. `text` must be valid UTF-8. An expression
  /// that takes too many steps on a text (PCRE2's match limit) counts as not found there, so that no text can hold the program
  /// up.
  std::optional<Match> find(std::string_view text, size_t from = 0) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace fsc::detail
