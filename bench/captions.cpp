// Lengths are 10 tokens (start, end, eight words) and a chi-squared tail; words are drawn at random.
#include "bench/captions.h"

#include <algorithm>
#include <cmath>

#include <torch/utils.h>

#include "fsc/core/rng.h"

namespace fsc::bench {
namespace {

constexpr double kShortest = 10, kTail = 1.3;  // + 1.3 chi-squared(3): 13.9 on average
constexpr int64_t kLongest = 77;

struct Vocabulary {
  int64_t size;
  int64_t begin() const { return size - 2; }
  int64_t end() const { return size - 1; }
  int64_t word(Rng& rng) const { return 1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(size - 3))); }
};

TokenIds caption(Rng& rng, const Vocabulary& vocabulary) {
  double tail = 0;
  for (int i = 0; i < 3; ++i) tail += std::pow(rng.normal(), 2);
  const auto length = std::min<int64_t>(kLongest, std::llround(kShortest + kTail * tail));
  TokenIds ids{vocabulary.begin()};
  while (static_cast<int64_t>(ids.size()) < length - 1) ids.push_back(vocabulary.word(rng));
  ids.push_back(vocabulary.end());
  return ids;
}

TokenIds negative(TokenIds ids, int64_t slot, Rng& rng, const Vocabulary& vocabulary) {
  const auto place = [&] { return 1 + rng.below(ids.size() - 2); };
  if (slot % 3 == 0) {
    ids[place()] = vocabulary.word(rng);
  } else if (slot % 3 == 1) {
    std::swap(ids[place()], ids[place()]);
  } else {
    TokenIds words(ids.begin() + 1, ids.end() - 1);
    rng.shuffle(words);
    std::copy(words.begin(), words.end(), ids.begin() + 1);
  }
  return ids;
}

}  // namespace

std::vector<TokenIds> captions_and_negatives(int64_t images, int64_t negatives, int64_t vocabulary, uint64_t seed) {
  Rng rng({seed, 1});
  std::vector<TokenIds> texts;
  for (int64_t image = 0; image < images; ++image) texts.push_back(caption(rng, {vocabulary}));
  for (int64_t slot = 0; slot < negatives; ++slot)
    for (int64_t image = 0; image < images; ++image)
      texts.push_back(negative(texts[static_cast<size_t>(image)], slot, rng, {vocabulary}));
  return texts;
}

std::vector<TokenIds> prompts(int64_t templates, int64_t classes, int64_t vocabulary, uint64_t seed) {
  Rng rng({seed, 2});
  const Vocabulary words{vocabulary};
  std::vector<TokenIds> before, names, texts;
  const auto draw = [&](uint64_t least, uint64_t spread) {
    TokenIds ids;
    for (uint64_t n = least + rng.below(spread); n > 0; --n) ids.push_back(words.word(rng));
    return ids;
  };
  for (int64_t i = 0; i < templates; ++i) before.push_back(draw(2, 6));
  for (int64_t i = 0; i < classes; ++i) names.push_back(draw(1, 3));
  for (const TokenIds& name : names) {
    for (const TokenIds& begin : before) {
      TokenIds ids{words.begin()};
      ids.insert(ids.end(), begin.begin(), begin.end());
      ids.insert(ids.end(), name.begin(), name.end());
      ids.push_back(words.end());
      texts.push_back(ids);
    }
  }
  return texts;
}

TextRows pack(const std::vector<TokenIds>& texts, Packing packing) {
  std::vector<const TokenIds*> pointers;
  TextLayout layout{.share_prefixes = packing == Packing::kShared};
  for (const TokenIds& text : texts) {
    pointers.push_back(&text);
    if (packing == Packing::kPadded) layout.width = std::max<int64_t>(layout.width, static_cast<int64_t>(text.size()));
  }
  TextRows rows = make_text_rows(pointers, layout);
  if (packing != Packing::kPadded) return rows;
  // Padded texts are SigLIP's to the layout, whose first token is a word; here it is the start as in the others.
  std::vector<int64_t> tokens, offsets{0};
  for (size_t r = 0; r < texts.size(); ++r) {
    const int64_t begin = rows.sequence_R[static_cast<int64_t>(r)].item<int64_t>() * layout.width;
    for (size_t t = 1; t < texts[r].size(); ++t) tokens.push_back(begin + static_cast<int64_t>(t));
    offsets.push_back(static_cast<int64_t>(tokens.size()));
  }
  rows.tokens_V = torch::tensor(tokens, torch::kInt64);
  rows.offsets_R1 = torch::tensor(offsets, torch::kInt64);
  return rows;
}

TextRoles roles_of(int64_t images, int64_t negatives) {
  TextRoles roles;
  const auto rows = torch::arange(images * (1 + negatives), torch::kInt64).view({1 + negatives, images}).t().contiguous();
  roles.owner_R = torch::arange(images, torch::kInt64).repeat({1 + negatives});
  roles.add(kCaptions, rows.slice(1, 0, 1).contiguous());
  roles.add(kNegatives, rows.slice(1, 1).contiguous());
  return roles;
}

}  // namespace fsc::bench
