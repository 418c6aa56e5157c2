// The objective: a list of named, weighted terms over the images and one set of tagged texts.
#pragma once
#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/losses/losses.h"
#include "fsc/tensor/text_rows.h"

namespace fsc {

enum class LossName { kFsc, kClip, kSiglip };

/// loss.hn_reduction: what the terms of several processes are means over.
enum class HnReduction {
  kGlobal,  ///< rows of all processes: the same weights on any number of them
  kRank,    ///< as the official code on several GPUs: hard-negative terms are means of the processes' means, and the gradient of
            ///< the contrastive term, whose other columns have none there, is divided by the number of processes
};

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
  HnReduction hn_reduction = HnReduction::kGlobal;

  void fields(config::Collector& v);
  Calibration calibration() const { return {focal_gamma, label_smoothing}; }
};

/// Everything a term may look at: rows of this process, and the columns they are told apart from. Which text belongs to which
/// image, and as what, is in the roles: a further kind of text (paraphrase, phrase, foil) is a further group there.
struct Features {
  torch::Tensor image_BD = {};          ///< unit
  torch::Tensor image_tokens_BPD = {};  ///< un-normalised; undefined when no term needs tokens
  torch::Tensor text_RD = {};           ///< unit, all texts of the batch
  torch::Tensor text_tokens_VD = {};    ///< un-normalised valid tokens, text by text; undefined when no term needs tokens
  torch::Tensor text_offsets_R1 = {};   ///< int64: text r has the tokens offsets[r] ... offsets[r + 1] - 1
  TextRoles roles = {};
  torch::Tensor scale = {};  ///< exp(logit_scale)
  torch::Tensor bias = {};   ///< logit_bias; undefined when the model has none
  WorldColumns world = {};   ///< the images and captions of all processes, and with Needs::other_negatives their negatives; or
                             ///< the ring by which they come

  // The losses of several processes are such that the mean over processes is the loss of the whole batch.
  torch::Tensor rows_with_negatives = {};  ///< 0-d, the mean number of a process, at least one in all; undefined = of these rows
  double batch_gradient = 1;               ///< factor of the gradient of terms that compare the whole batch
};

/// What other processes compare these rows with, side by side: images, captions and, with `negatives`, the N negatives of each
/// image (zeros where missing) and which of them exist. -> [B, (2 + N) D + N], with graph.
torch::Tensor rows_for_others(const Features& features, bool negatives);
/// The rows of all processes, [W, (2 + N) D + N] as rows_for_others makes them, as columns; this process's begin at `offset`.
WorldColumns columns_of(const torch::Tensor& rows, int64_t width, int64_t negatives, int64_t offset);

/// What a term cannot do without.
struct Needs {
  bool tokens = false;                   ///< dense tokens of images and texts, which the model makes only when asked
  bool bias = false;                     ///< a model with logit_bias
  bool negatives = false;                ///< it is 0 where no image has a negative
  bool other_rows = false;               ///< the rows of all processes, side by side if the run wants that; else by the ring
  bool other_negatives = false;          ///< and their negatives
  std::vector<std::string> groups = {};  ///< of texts besides captions and negatives (TextRoles), which are made for it

  Needs operator|(const Needs& other) const;
};

/// What a term compares.
enum class Scope {
  kBatch,  ///< every image with the texts of all: it looks at Features::world
  kImage,  ///< each image with its own texts only
};

/// One addend of the loss: a file in src/losses/terms/ and a line in the list of objective.cpp.
struct Term {
  std::string name;  ///< key in metrics.jsonl, TensorBoard and the loss curve: clip_loss, global_hn_loss ...
  double weight = 1.0;
  Needs needs = {};
  Scope scope = Scope::kBatch;
  std::function<torch::Tensor(const Features&)> loss;
};

/// The terms a config asks for; a weight of 0 leaves a term out.
std::vector<Term> make_objective(const LossConfig& config);
/// What any of them needs.
Needs needs_of(const std::vector<Term>& objective);

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
struct fsc::config::EnumNames<fsc::HnReduction> {
  static constexpr const char* names[] = {"global", "rank"};
};
template <>
struct fsc::config::EnumNames<fsc::SimilarityNormalizer> {
  static constexpr const char* names[] = {"minmax", "softmax"};
};
template <>
struct fsc::config::EnumNames<fsc::MissingNegatives> {
  static constexpr const char* names[] = {"reference", "masked"};
};
