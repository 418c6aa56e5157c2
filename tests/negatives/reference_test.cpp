// The native generators against the official ones: what these made of our captions (tests/data/text), and of public ones where
// the shared fixtures lie beside the source tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/negatives/generate_file.h"
#include "negatives/captions.h"
#include "negatives/detail_words.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
const fs::path kOwn = fs::path(FSC_TEST_DATA) / "text", kShared = fs::path(FSC_SOURCE_DIR) / "../shared/negatives";

/// A file, unpacked when its name ends with .gz.
std::string content(const fs::path& path) {
  if (path.extension() != ".gz") return read_file(path);
  std::string text;
  FILE* pipe = ::popen(("zcat '" + path.string() + "'").c_str(), "r");
  char buffer[1 << 16];
  for (size_t size; (size = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) text.append(buffer, size);
  EXPECT_EQ(::pclose(pipe), 0) << path;
  return text;
}

/// What the official code made: by kind, then caption, the texts of all its passes.
struct Reference {
  std::map<std::string, std::vector<std::vector<std::string>>> made;
  size_t passes = 0;

  Reference(const fs::path& file, size_t captions) {
    std::istringstream lines(content(file));
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "seed\tidx\ttype\tnegative");
    while (std::getline(lines, line)) {
      std::istringstream cells(line);
      std::string seed, index, kind, negative;
      std::getline(cells, seed, '\t'), std::getline(cells, index, '\t'), std::getline(cells, kind, '\t'),
          std::getline(cells, negative);
      auto& texts = made[kind];
      texts.resize(captions);
      texts.at(std::stoul(index)).push_back(negative);
      passes = std::max<size_t>(passes, std::stoul(seed) + 1);
    }
  }
  double yield(const std::string& kind) const {
    size_t count = 0;
    for (const auto& texts : made.at(kind)) count += texts.size();
    return static_cast<double>(count) / static_cast<double>(passes * made.at(kind).size());
  }
};

struct Corpus {
  std::vector<std::string> captions;
  std::vector<Analysis> analyses;
  std::map<std::string, std::unique_ptr<NegativeGenerator>> generators;

  explicit Corpus(const fs::path& file) : captions(read_captions(file)) {
    for (const auto& caption : captions) analyses.push_back(test::analyse(caption));
    for (const auto& kind : negative_kinds()) generators[kind.name] = kind.create(test::text_model());
  }
  std::vector<std::optional<std::string>> make(const std::string& kind, uint64_t pass) const {
    std::vector<std::optional<std::string>> texts;
    for (size_t i = 0; i < analyses.size(); ++i) {
      Rng rng({100 + pass, i});
      texts.push_back(generators.at(kind)->make(analyses[i], rng));
    }
    return texts;
  }
};

std::string characters(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
  std::sort(text.begin(), text.end());
  return text;
}

/// Whether `text` is all of `pieces` in some order with a blank between, the mark ("" when there is none left) behind one of
/// them.
bool is_order_of(std::string_view text, std::vector<std::string>& pieces, const std::string& mark) {
  if (pieces.empty()) return text.empty() && mark.empty();
  for (size_t i = 0; i < pieces.size(); ++i) {
    for (const bool with_mark : {false, true}) {
      const std::string piece = pieces[i] + (with_mark ? mark : "");
      const bool last = pieces.size() == 1;
      if ((with_mark && mark.empty()) || !text.starts_with(piece + (last ? "" : " "))) continue;
      const std::string kept = pieces[i];
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
      const bool fits = is_order_of(text.substr(std::min(text.size(), piece.size() + 1)), pieces, with_mark ? "" : mark);
      pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(i), kept);
      if (fits) return true;
    }
  }
  return false;
}

/// Whether bigram shuffle could have made it.
bool is_shuffle_of(const Analysis& caption, const std::string& made) {
  const auto count = static_cast<int32_t>(caption.tokens.size());
  const auto is_mark = [&](int32_t i) { return caption.tokens[static_cast<size_t>(i)].pos == Pos::kPunct; };
  std::vector<std::string> pieces;
  std::string mark;
  for (int32_t i = 0; i < count; i += 2) {
    pieces.emplace_back(caption.word(i));
    if (i + 1 < count) pieces.back() += (is_mark(i + 1) ? "" : " ") + std::string(caption.word(i + 1));
  }
  if (count % 2 == 1 && is_mark(count - 1)) {
    mark = pieces.back();
    pieces.pop_back();
    if (made.starts_with(mark + " ") && is_order_of(std::string_view(made).substr(mark.size() + 1), pieces, "")) return true;
  }
  return is_order_of(made, pieces, mark);
}

/// Kolmogorov-Smirnov distance of two samples of whole numbers.
double ks_distance(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
  double distance = 0;
  for (const double x : a) {
    const auto share = [x](const std::vector<double>& v) {
      return static_cast<double>(std::upper_bound(v.begin(), v.end(), x) - v.begin()) / static_cast<double>(v.size());
    };
    distance = std::max(distance, std::abs(share(a) - share(b)));
  }
  return distance;
}
double ks_critical(size_t a, size_t b) {
  return 1.358 * std::sqrt(static_cast<double>(a + b) / (static_cast<double>(a) * static_cast<double>(b)));
}

/// T2 and T3: all that the official code made can be made here, and captions have negatives here exactly where they have there.
void expect_same_support(const Corpus& corpus, const Reference& reference, const std::string& kind) {
  size_t outside = 0, different = 0;
  for (size_t i = 0; i < corpus.captions.size(); ++i) {
    const auto allowed = corpus.generators.at(kind)->support(corpus.analyses[i]);
    const auto& texts = reference.made.at(kind)[i];
    for (const auto& text : texts) {
      const bool inside =
          kind == "shuffle" ? is_shuffle_of(corpus.analyses[i], text) : std::binary_search(allowed.begin(), allowed.end(), text);
      if (!inside && ++outside <= 5) ADD_FAILURE() << kind << " cannot make: " << text << "\n  of: " << corpus.captions[i];
    }
    if (allowed.empty() != texts.empty() && ++different <= 5) {
      ADD_FAILURE() << kind << (allowed.empty() ? " makes nothing of: " : " makes something of: ") << corpus.captions[i];
    }
  }
  EXPECT_EQ(outside, 0u);
  EXPECT_EQ(different, 0u);
}

/// T3 to T5, over as many passes as the reference has: yields, distances, characters kept, one place changed, never the caption
/// itself.
void expect_same_statistics(const Corpus& corpus, const Reference& reference, const std::string& kind) {
  std::vector<double> edits[2], lengths[2];
  const auto add = [&](int side, size_t caption, const std::string& text) {
    edits[side].push_back(
        static_cast<double>(detail::edit_distance(detail::words_of(corpus.captions[caption]), detail::words_of(text))));
    lengths[side].push_back(static_cast<double>(text.size()) - static_cast<double>(corpus.captions[caption].size()));
  };
  for (size_t pass = 0; pass < reference.passes; ++pass) {
    const auto texts = corpus.make(kind, pass);
    for (size_t i = 0; i < texts.size(); ++i) {
      if (!texts[i]) continue;
      add(0, i, *texts[i]);
      EXPECT_NE(*texts[i], corpus.captions[i]);
      if (kind != "replace") {
        EXPECT_EQ(characters(*texts[i]), characters(corpus.captions[i]));
      }
    }
  }
  for (size_t i = 0; i < corpus.captions.size(); ++i) {
    for (const auto& text : reference.made.at(kind)[i]) add(1, i, text);
  }
  const double yield = static_cast<double>(edits[0].size()) / static_cast<double>(reference.passes * corpus.captions.size());
  EXPECT_NEAR(yield, reference.yield(kind), 0.005) << kind;
  const double critical = ks_critical(edits[0].size(), edits[1].size());
  EXPECT_LT(ks_distance(edits[0], edits[1]), critical) << kind;
  EXPECT_LT(ks_distance(lengths[0], lengths[1]), critical) << kind;
}

TEST(Reference, OwnCaptions) {
  const Corpus corpus(kOwn / "captions.txt");
  const Reference reference(kOwn / "reference_negatives.tsv", corpus.captions.size());
  for (const char* kind : {"swap", "replace", "shuffle"}) expect_same_support(corpus, reference, kind);
}

TEST(Reference, OwnCaptionsSvlc) {
  const Corpus corpus(kOwn / "captions.txt");
  Reference reference(kOwn / "reference_svlc.tsv", corpus.captions.size());
  // The official lists have three slips that ours mend.
  for (auto& texts : reference.made.at("svlc")) {
    for (auto& text : texts) {
      for (const auto& [slip, mended] :
           {std::pair("parrotafternoon", "parrot"), {"plasticarmy", "army"}, {"bamboo ", "bamboo"}}) {
        if (const size_t at = text.find(slip); at != text.npos) text.replace(at, std::string(slip).size(), mended);
      }
    }
  }
  expect_same_support(corpus, reference, "svlc");
}

TEST(Reference, PublicCaptions) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs " << kShared;
  const Corpus corpus(kShared / "coco2000.txt");
  const Reference reference(kShared / "reference_coco2000_seeds0-4.tsv.gz", corpus.captions.size());
  EXPECT_EQ(reference.passes, 5u);
  for (const char* kind : {"swap", "replace", "shuffle"}) {
    expect_same_support(corpus, reference, kind);
    expect_same_statistics(corpus, reference, kind);
  }
  for (const auto& [kind, least] : {std::pair("swap", 0.5), {"replace", 0.95}, {"shuffle", 0.95}}) {  // T9: epochs are fresh
    const auto first = corpus.make(kind, 0), second = corpus.make(kind, 1);
    size_t made = 0, different = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      made += first[i] && second[i];
      different += first[i] && second[i] && first[i] != second[i];
    }
    EXPECT_GT(static_cast<double>(different), least * static_cast<double>(made)) << kind;
  }
}

using Counts = std::map<std::string, double>;

double total_variation(const Counts& a, const Counts& b) {
  double sum_a = 0, sum_b = 0, difference = 0;
  for (const auto& [text, count] : a) sum_a += count;
  for (const auto& [text, count] : b) sum_b += count;
  for (const auto& [text, count] : a) difference += std::abs(count / sum_a - (b.contains(text) ? b.at(text) / sum_b : 0));
  for (const auto& [text, count] : b) difference += a.contains(text) ? 0 : count / sum_b;
  return difference / 2;
}

/// T6: mean total variation between the official counts and ours, and between two of ours, over as many draws as there.
void expect_same_law(const std::vector<std::pair<std::string, Counts>>& captions, const std::string& kind) {
  const auto generator = std::find_if(negative_kinds().begin(), negative_kinds().end(), [&](const auto& k) {
                           return k.name == kind;
                         })->create(test::text_model());
  double to_reference = 0, noise = 0;
  for (const auto& [caption, counts] : captions) {
    double draws = 0;
    for (const auto& [text, count] : counts) draws += count;
    const auto analysis = test::analyse(caption);
    const auto ours = [&](uint64_t seed) {
      Counts made;
      for (int i = 0; i < static_cast<int>(draws); ++i) {
        Rng rng({seed, static_cast<uint64_t>(i)});
        if (const auto text = generator->make(analysis, rng)) ++made[*text];
      }
      return made;
    };
    const auto first = ours(1), second = ours(2);
    to_reference += total_variation(counts, first);
    noise += total_variation(first, second);
  }
  to_reference /= static_cast<double>(captions.size()), noise /= static_cast<double>(captions.size());
  EXPECT_LT(to_reference, noise + 0.02) << kind << " over " << captions.size() << " captions";
}

TEST(Reference, OwnLawOfReplace) {
  const auto captions = read_captions(kOwn / "captions.txt");
  const auto law = nlohmann::json::parse(read_file(kOwn / "replace_law.json"));
  std::vector<std::pair<std::string, Counts>> rows;
  for (const auto& row : law["captions"]) rows.emplace_back(captions.at(row["index"]), row["counts"].get<Counts>());
  ASSERT_GE(rows.size(), 10u);
  expect_same_law(rows, "replace");
}

TEST(Reference, PublicLaws) {
  const auto file = kShared / "reference_replace_swap_counts_per-sense_40x1500.json.gz";
  if (!fs::exists(file)) GTEST_SKIP() << "needs " << file;
  const auto captions = read_captions(kShared / "coco2000.txt");
  std::vector<std::pair<std::string, Counts>> replace, swap;
  for (const auto& row : nlohmann::json::parse(content(file))) {
    const std::string& caption = captions.at(replace.size());
    replace.emplace_back(caption, row[0].get<Counts>());
    swap.emplace_back(caption, row[1].get<Counts>());
  }
  ASSERT_EQ(replace.size(), 40u);
  expect_same_law(replace, "replace");
  expect_same_law(swap, "swap");
}

}  // namespace
}  // namespace fsc
