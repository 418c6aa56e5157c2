// A caption as the text model sees it: tokens with tag, part of speech and dependency, and noun chunks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fsc {

/// Universal parts of speech.
enum class Pos : uint8_t {
  kNone,
  kAdj,
  kAdp,
  kAdv,
  kAux,
  kCconj,
  kDet,
  kIntj,
  kNoun,
  kNum,
  kPart,
  kPron,
  kPropn,
  kPunct,
  kSconj,
  kSpace,
  kSym,
  kVerb,
  kX
};
/// "NOUN", "" for kNone.
const char* pos_name(Pos pos);

/// One token. Tags and dependencies are numbers of TextModel::tags() and ::dependencies().
struct Token {
  uint32_t begin = 0, end = 0;  ///< bytes of the caption
  uint16_t tag = 0;             ///< Penn Treebank tag
  uint16_t dependency = 0;      ///< relation to the head
  Pos pos = Pos::kNone;
  bool space_after = false;  ///< one blank follows
  int32_t head = 0;          ///< token it depends on; itself for a root
};

/// Tokens [first, last).
struct Span {
  int32_t first = 0, last = 0;
  int32_t size() const { return last - first; }
  bool operator==(const Span&) const = default;
};

struct Analysis {
  std::string text;  ///< the caption; bytes that are no UTF-8 are replaced by U+FFFD
  std::vector<Token> tokens;
  std::vector<Span> noun_chunks;  ///< in text order, not overlapping

  std::string_view word(int32_t token) const { return text_of({token, token + 1}); }
  std::string_view text_of(Span span) const {
    const uint32_t begin = tokens[static_cast<size_t>(span.first)].begin;
    return std::string_view(text).substr(begin, tokens[static_cast<size_t>(span.last) - 1].end - begin);
  }
};

}  // namespace fsc
