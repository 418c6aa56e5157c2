// From a text to the words that the network sees, each with where it stands.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/detail_affixes.h"
#include "text/detail_lexicon.h"

namespace fsc::detail {

/// One word of a chunk, with all that does not depend on the text around.
struct Piece {
  uint32_t size = 0;  ///< bytes
  std::string lower;
  WordFeatures features;
  bool may_scatter = false;  ///< a special case may begin here that has come apart
};

/// A run of text without blanks, or of white space only, cut into words.
struct Chunk {
  std::vector<Piece> pieces;
  std::vector<float> embedded;  ///< Encoder::embed of the pieces
};

/// A piece where it stands in a text. Piece and vector belong to the chunk, which must live on.
struct Word {
  const Piece* piece = nullptr;
  const float* embedded = nullptr;  ///< its two vectors
  uint32_t begin = 0;
  bool space_after = false;
  uint32_t end() const { return begin + piece->size; }
};

class Tokenizer {
 public:
  explicit Tokenizer(Reader& reader) : lexicon_(reader), affixes_(reader) {}

  /// The chunk's words; their sizes add up to its size.
  std::vector<Piece> split(std::string_view chunk) const;

  using ChunkSource = std::function<const Chunk&(std::string_view)>;
  /// The words of `text` (valid UTF-8); of a text with more than `max_words` the first ones. `chunks` gives the cut form of each
  /// chunk.
  std::vector<Word> tokenize(std::string_view text, size_t max_words, const ChunkSource& chunks) const;

 private:
  std::vector<Word> cut(std::string_view text, size_t max_words, const ChunkSource& chunks) const;
  struct Range {
    size_t first, last;
    size_t size() const { return last - first; }
  };
  std::vector<Range> scattered_specials(std::string_view text, const std::vector<Word>& words) const;
  std::vector<Word> join(std::string_view text, const std::vector<Word>& words, const std::vector<Range>& specials,
                         const ChunkSource& chunks) const;

  Lexicon lexicon_;
  Affixes affixes_;
};

}  // namespace fsc::detail
