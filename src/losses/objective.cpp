// Which terms a config asks for: one line a term.
#include "fsc/losses/objective.h"

#include "detail_gather.h"

namespace fsc {
namespace {

torch::Tensor captions_BD(const Features& f) { return f.text_RD.index_select(0, f.caption_B); }
torch::Tensor negatives_exist_BN(const Features& f) { return f.negatives_BN.ge(0); }

torch::Tensor clip_term(const Features& f) { return contrastive_loss(f.image_BD, captions_BD(f), {}, f.scale); }

torch::Tensor siglip_term(const Features& f) { return sigmoid_loss(f.image_BD, captions_BD(f), f.scale, f.bias); }

torch::Tensor negclip_term(const Features& f, MissingNegatives missing) {
  const auto rows_E = f.negatives_BN.flatten();
  return contrastive_loss(f.image_BD, captions_BD(f), gather_or_zero(f.text_RD, rows_E), f.scale, missing, rows_E.ge(0));
}

torch::Tensor global_hn_term(const Features& f, const LossConfig& c) {
  const auto logits_BK = global_hn_logits(f.image_BD, f.text_RD, f.caption_B, f.negatives_BN, f.scale);
  return hard_negative_loss(logits_BK, negatives_exist_BN(f), c.calibration(), c.missing_negatives);
}

torch::Tensor local_hn_term(const Features& f, const LossConfig& c) {
  TORCH_CHECK(f.image_tokens_BPD.defined() && f.text_tokens_RTD.defined(), "local_hn_loss: the model made no dense tokens");
  const auto scores_R = local_scores(f.image_tokens_BPD, f.text_tokens_RTD, f.text_valid_RT, f.owner_R, f.scale,
                                     c.similarity_normalizer, c.sparsify);
  const auto logits_BK = scores_to_logits(scores_R, f.caption_B, f.negatives_BN);
  return hard_negative_loss(logits_BK, negatives_exist_BN(f), c.calibration(), c.missing_negatives);
}

}  // namespace

std::vector<Term> make_objective(const LossConfig& c) {
  if (c.name == LossName::kClip) {
    return {{"clip_loss", 1.0, [missing = c.missing_negatives](const Features& f) { return negclip_term(f, missing); }}};
  }
  std::vector<Term> terms;
  if (c.name == LossName::kSiglip)
    terms.push_back({"siglip_loss", 1.0, siglip_term});
  else
    terms.push_back({"clip_loss", 1.0, clip_term});
  if (c.global_hn_weight > 0)
    terms.push_back({"global_hn_loss", c.global_hn_weight, [c](const Features& f) { return global_hn_term(f, c); }});
  if (c.local_hn_weight > 0)
    terms.push_back({"local_hn_loss", c.local_hn_weight, [c](const Features& f) { return local_hn_term(f, c); }});
  return terms;
}

Losses evaluate(const std::vector<Term>& objective, const Features& features) {
  Losses losses;
  for (const auto& term : objective) {
    const auto value = term.weight * term.loss(features);
    losses.total = losses.total.defined() ? losses.total + value : value;
    losses.terms.emplace_back(term.name, value.detach());
  }
  return losses;
}

}  // namespace fsc
