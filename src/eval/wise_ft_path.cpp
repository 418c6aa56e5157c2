// Lists of alphas, and the scores of a path between two models.
#include "fsc/eval/wise_ft_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "fsc/core/error.h"

namespace fsc {
namespace {

constexpr size_t kMaxPoints = 1001;

double number(const std::string& word, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || error != std::errc() || end != word.data() + word.size())
    throw UsageError("--alphas: '" + word + "' in '" + text + "' is no number; write them as 0,0.25,1 or 0,0.1,...,1");
  return value;
}

/// 0.30000000000000004 is 0.3.
double rounded(double value) { return std::round(value * 1e9) / 1e9; }

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ',')
      words.emplace_back();
    else if (c != ' ')
      words.back() += c;
  }
  return words;
}

}  // namespace

std::vector<double> parse_alphas(const std::string& text, bool extrapolate) {
  const auto words = words_of(text);
  std::vector<double> alphas;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "..." && words[i] != "…") {
      alphas.push_back(rounded(number(words[i], text)));
      continue;
    }
    const double step = alphas.size() < 2 ? 0 : rounded(alphas.back() - alphas[alphas.size() - 2]);
    const double last = i + 1 < words.size() ? number(words[i + 1], text) : NAN;
    const double count = std::round((last - (alphas.empty() ? 0 : alphas.back())) / step);
    if (!(step != 0 && count >= 1 && count < kMaxPoints) || std::abs(alphas.back() + count * step - last) > 1e-6)
      throw UsageError("--alphas: the dots in '" + text +
                       "' need two numbers before them and one after them that their step reaches, as in 0,0.1,...,1");
    const double from = alphas.back();
    for (int k = 1; k < static_cast<int>(count); ++k) alphas.push_back(rounded(from + k * step));
  }
  if (alphas.size() > kMaxPoints) throw UsageError("--alphas: more than " + std::to_string(kMaxPoints) + " points");
  for (size_t i = 0; i < alphas.size(); ++i) {
    check_alpha(alphas[i], extrapolate, "--alphas");
    if (std::find(alphas.begin(), alphas.begin() + static_cast<int64_t>(i), alphas[i]) !=
        alphas.begin() + static_cast<int64_t>(i))
      throw UsageError(fmt::format("--alphas: {} is given twice", alphas[i]));
  }
  return alphas;
}

WiseFtPath evaluate_path(const PreparedSuite& suite, const NamedModel& base, const NamedModel& finetuned,
                         const std::vector<double>& alphas, const Tokenizer& tokenizer, const Compute& compute) {
  const LoadedModel start = with_context_of(base, finetuned);
  check_alike({{base.name, &start}, finetuned});
  const StateDict from = state_dict(*start.model), to = state_dict(*finetuned.model->model);
  WiseFtPath path{finetuned.name, {}};
  for (const double alpha : alphas) {
    const std::string name = fmt::format("{} alpha {}", finetuned.name, alpha);
    LoadedModel model = with_weights(start, interpolate(from, to, alpha), name);
    path.points.push_back({alpha, suite.run(model, tokenizer, name, compute)});
  }
  return path;
}

}  // namespace fsc
