// Many captions on several threads, their negatives handed over in order.
#include <algorithm>

#include "fsc/core/ordered_workers.h"
#include "fsc/negatives/generate_file.h"

namespace fsc {
namespace {

/// Captions that a thread makes together, and how many such pieces a thread may be ahead.
constexpr int64_t kTogether = 16, kAhead = 16;

/// What was made of some captions.
struct Piece {
  std::vector<NegativeTexts> texts;
  std::vector<MadeReport> reports;
};

}  // namespace

void make_in_order(const NegativeMaker& maker, std::span<const std::string> captions, uint64_t seed, uint64_t epoch,
                   int64_t threads, const UseNegatives& use) {
  const auto make = [&](size_t first) {
    const size_t count = std::min(static_cast<size_t>(kTogether), captions.size() - first);
    Piece piece;
    piece.reports.resize(count);
    std::vector<NegativeMaker::Request> requests;
    for (size_t i = 0; i < count; ++i) requests.push_back({captions[first + i], {seed, epoch, first + i}, &piece.reports[i]});
    piece.texts = maker.generate(requests);
    return piece;
  };
  const int64_t pieces = (static_cast<int64_t>(captions.size()) + kTogether - 1) / kTogether;
  const int64_t workers = std::max<int64_t>(threads, 1);
  OrderedWorkers<Piece> made({.threads = workers, .window = kAhead * workers, .end = pieces, .begin = [&](int64_t place, size_t) {
                                return [&make, place] { return make(static_cast<size_t>(place * kTogether)); };
                              }});
  for (int64_t place = 0; place < pieces; ++place) {
    const Piece piece = made.take();
    for (size_t i = 0; i < piece.texts.size(); ++i)
      use(static_cast<size_t>(place * kTogether) + i, piece.texts[i], piece.reports[i]);
  }
}

}  // namespace fsc
