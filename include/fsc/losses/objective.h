// The objective: a list of named, weighted terms over the images and one set of tagged texts.
#pragma once
#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/losses/losses.h"

namespace fsc {

enum class LossName { kFsc, kClip, kSiglip };

/// loss.*
struct LossConfig {
  LossName name = LossName::kFsc;
  double global_hn_weight = 0.5;
  double local_hn_weight = 0.2;
  double focal_gamma = 2.0;
  double label_smoothing = 0.02;
  SimilarityNormalizer similarity_normalizer = SimilarityNormalizer::kMinmax;
  bool sparsify = false;
  MissingNegatives missing_negatives = MissingNegatives::kReference;

  void fields(config::Collector& v);
  Calibration calibration() const { return {focal_gamma, label_smoothing}; }
  /// True when a term looks at dense tokens, so that the model has to make them.
  bool needs_tokens() const { return name != LossName::kClip && local_hn_weight > 0; }
  /// True when the loss needs a model with logit_bias.
  bool needs_bias() const { return name == LossName::kSiglip; }
};

/// Everything a term may look at. Which text belongs to which image, and as what, is in the index tensors: a further kind of
/// text (paraphrase, phrase, foil) adds an index tensor and a producer in data, nothing else.
struct Features {
  torch::Tensor image_BD;          ///< unit
  torch::Tensor image_tokens_BPD;  ///< un-normalised; undefined when no term needs tokens
  torch::Tensor text_RD;           ///< unit, all texts of the batch
  torch::Tensor text_tokens_RTD;   ///< un-normalised; undefined when no term needs tokens
  torch::Tensor text_valid_RT;     ///< bool
  torch::Tensor owner_R;           ///< int64, image of each text
  torch::Tensor caption_B;         ///< int64, row of each image's caption
  torch::Tensor negatives_BN;      ///< int64, row of each negative, -1 = missing; N may be 0
  torch::Tensor scale;             ///< exp(logit_scale)
  torch::Tensor bias = {};         ///< logit_bias; undefined when the model has none
};

struct Term {
  std::string name;  ///< key in metrics.jsonl: clip_loss or siglip_loss, global_hn_loss, local_hn_loss
  double weight;
  std::function<torch::Tensor(const Features&)> loss;
};

/// The terms a config asks for; a weight of 0 leaves a term out.
std::vector<Term> make_objective(const LossConfig& config);

struct Losses {
  torch::Tensor total;                                       ///< scalar with graph
  std::vector<std::pair<std::string, torch::Tensor>> terms;  ///< weighted, detached, in the order of the objective
};
Losses evaluate(const std::vector<Term>& objective, const Features& features);

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::LossName> {
  static constexpr const char* names[] = {"fsc", "clip", "siglip"};
};
template <>
struct fsc::config::EnumNames<fsc::SimilarityNormalizer> {
  static constexpr const char* names[] = {"minmax", "softmax"};
};
template <>
struct fsc::config::EnumNames<fsc::MissingNegatives> {
  static constexpr const char* names[] = {"reference", "masked"};
};
