// PCRE2 with its just-in-time compiler; each thread has one block of match data and one stack, freed when it ends.
#include "text/detail_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <stdexcept>

#include "fsc/core/error.h"

namespace fsc::detail {
namespace {

constexpr uint32_t kMatchLimit = 100'000;  // a hundred times what ordinary text needs, some milliseconds
constexpr size_t kStackBegin = 32 << 10, kStackEnd = 512 << 10;

/// What pcre2_match writes into and works with.
class Scratch {
 public:
  Scratch()
      : data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(kStackBegin, kStackEnd, nullptr)) {
    if (!data_ || !context_) throw std::bad_alloc();
    pcre2_set_match_limit(context_, kMatchLimit);
    // Without a stack of our own (no memory, no just-in-time compiler) PCRE2 uses the thread's.
    if (stack_) pcre2_jit_stack_assign(context_, nullptr, stack_);
  }
  ~Scratch() {
    pcre2_match_data_free(data_);
    pcre2_match_context_free(context_);
    pcre2_jit_stack_free(stack_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  pcre2_match_data* data() const { return data_; }
  pcre2_match_context* context() const { return context_; }

 private:
  pcre2_match_data* data_;
  pcre2_match_context* context_;
  pcre2_jit_stack* stack_;
};

std::string message_of(int code) {
  PCRE2_UCHAR text[256];
  return pcre2_get_error_message(code, text, sizeof text) < 0 ? "error " + std::to_string(code)
                                                              : reinterpret_cast<const char*>(text);
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Regex::Regex(std::string_view pattern, const std::string& where) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(units(pattern), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (!code_)
    throw Error(where + ": the regular expression cannot be compiled (" + message_of(error) + " at byte " +
                std::to_string(offset) + "); run scripts/setup to make the file again");
  // Where there is no just-in-time compiler, PCRE2 interprets: the same matches, more slowly.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

std::optional<Regex::Match> Regex::find(std::string_view text, size_t from) const {
  thread_local const Scratch scratch;
  const int result =
      pcre2_match(code_.get(), units(text), text.size(), from, PCRE2_NO_UTF_CHECK, scratch.data(), scratch.context());
  if (result >= 0) {
    const PCRE2_SIZE* edges = pcre2_get_ovector_pointer(scratch.data());
    return Match{edges[0], edges[1]};
  }
  switch (result) {
    case PCRE2_ERROR_NOMATCH:
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
      return std::nullopt;
    case PCRE2_ERROR_NOMEMORY:
      throw std::bad_alloc();
    default:
      throw std::logic_error("PCRE2: " + message_of(result));
  }
}

}  // namespace fsc::detail
