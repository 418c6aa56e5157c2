// Scores, tables and the picture of a path between two models.
#include "fsc/eval/wise_ft_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "fsc/core/error.h"
#include "fsc/eval/report.h"
#include "fsc/image/plot.h"

namespace fsc {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMaxPoints = 1001;

std::optional<double> average(const EvalResult& result, TaskKind kind) {
  for (const auto& [name, score] : result.averages)
    if (name == kind_name(kind)) return score;
  return std::nullopt;
}

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

std::string path_table(const WiseFtPath& path) {
  std::vector<EvalResult> rows;
  for (const auto& point : path.points) {
    rows.push_back(point.result);
    rows.back().model = fmt::format("alpha {:g}", point.alpha);
  }
  return path.checkpoint + "\n" + comparison_table(rows);
}

std::string paths_csv(const std::vector<WiseFtPath>& paths) {
  std::vector<EvalResult> rows;
  std::vector<std::string> alphas;
  for (const auto& path : paths)
    for (const auto& point : path.points) {
      rows.push_back(point.result);
      rows.back().model = path.checkpoint;
      alphas.push_back(fmt::format("{}", point.alpha));
    }
  return results_csv(rows, "alpha", alphas);
}

std::string paths_json(const std::string& base, const std::vector<WiseFtPath>& paths) {
  ordered_json json = {{"base", base}, {"paths", ordered_json::array()}};
  for (const auto& path : paths) {
    ordered_json points = ordered_json::array();
    for (const auto& point : path.points) {
      ordered_json one = {{"alpha", point.alpha}, {"tasks", ordered_json::object()}, {"averages", ordered_json::object()}};
      for (const auto& task : point.result.tasks) one["tasks"][task.label] = task.score;
      for (const auto& [kind, score] : point.result.averages) one["averages"][kind] = score;
      points.push_back(std::move(one));
    }
    json["paths"].push_back({{"checkpoint", path.checkpoint}, {"points", std::move(points)}});
  }
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

bool draw_trade_off(const std::filesystem::path& folder, const std::vector<WiseFtPath>& paths) {
  std::vector<LabelledSeries> series;
  for (const auto& path : paths)
    for (const auto kind : {TaskKind::kZeroShot, TaskKind::kRetrieval}) {
      LabelledSeries one{paths.size() > 1 ? path.checkpoint + ": " + kind_name(kind) : kind_name(kind), {}, true};
      for (const auto& point : path.points) {
        const auto kept = average(point.result, kind), gained = average(point.result, TaskKind::kComposition);
        if (kept && gained) one.points.push_back({*kept, *gained, fmt::format("{:g}", point.alpha)});
      }
      if (!one.points.empty()) series.push_back(std::move(one));
    }
  if (series.empty()) return false;
  for (const char* name : {"trade_off.png", "trade_off.svg"})
    write_trade_off_chart(folder / name, "WiSE-FT: from the pretrained (alpha 0) to the fine-tuned model (1)",
                          "zero-shot, retrieval: mean score %", "composition: mean score %", series);
  return true;
}

}  // namespace fsc
