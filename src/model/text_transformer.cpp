// The text tower: causal attention over token ids, pooled at the end-of-text token.
#include "fsc/model/clip_model.h"
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

EncodedTexts ClipModelImpl::encode_texts(const Tensor& ids_RT, bool with_tokens) {
  TORCH_CHECK(ids_RT.dim() == 2 && ids_RT.scalar_type() == torch::kInt64, "token ids must be int64 [R,T]");
  const int64_t rows = ids_RT.size(0), length = ids_RT.size(1);
  TORCH_CHECK(length <= arch_.text.context_length, length, " tokens, the context has ", arch_.text.context_length);
  Tensor x_RTW = token_embedding_->forward(ids_RT) + positional_embedding_.slice(0, 0, length);
  x_RTW = ln_final_->forward(transformer_->forward(x_RTW));
  // The end-of-text token has the largest id of the vocabulary.
  const Tensor end_of_text_RW = x_RTW.index({torch::arange(rows, ids_RT.device()), ids_RT.argmax(-1)});
  EncodedTexts out;
  out.features_RD = unit_rows(at::matmul(end_of_text_RW, text_projection_));
  if (with_tokens) out.tokens_RTD = at::matmul(x_RTW, text_projection_);
  return out;
}

}  // namespace fsc
