// Rectangles of token ids, as goldens have them, to packed texts and back.
#pragma once
#include <algorithm>
#include <vector>

#include "fsc/tensor/text_rows.h"

namespace fsc::test {

/// CLIP's texts: every row without the zeros at its end.
inline TextRows text_rows(const torch::Tensor& ids_RT, bool share_prefixes = true) {
  std::vector<TokenIds> texts;
  std::vector<const TokenIds*> pointers;
  const torch::Tensor ids = ids_RT.contiguous();
  for (int64_t r = 0; r < ids.size(0); ++r) {
    const auto* first = ids.const_data_ptr<int64_t>() + r * ids.size(1);
    const auto* last = first + ids.size(1);
    while (last > first + 1 && last[-1] == 0) --last;
    texts.emplace_back(first, last);
  }
  for (const TokenIds& text : texts) pointers.push_back(&text);
  return make_text_rows(pointers, {.share_prefixes = share_prefixes});
}

/// SigLIP's texts: rows that fill the context, all of whose tokens are valid.
inline TextRows full_text_rows(const torch::Tensor& ids_RT) {
  std::vector<TokenIds> texts;
  std::vector<const TokenIds*> pointers;
  const torch::Tensor ids = ids_RT.contiguous();
  for (int64_t r = 0; r < ids.size(0); ++r) {
    const auto* first = ids.const_data_ptr<int64_t>() + r * ids.size(1);
    texts.emplace_back(first, first + ids.size(1));
  }
  for (const TokenIds& text : texts) pointers.push_back(&text);
  return make_text_rows(pointers, {.width = ids.size(1)});
}

/// [R,T] of the texts' ids: padded as they are packed, else zeros behind them up to the longest text or `width`.
inline torch::Tensor rectangle(const TextRows& rows, int64_t width = 0) {
  const Sequences& sequences = rows.sequences;
  if (sequences.is_uniform()) return rows.ids_M.view({sequences.count, sequences.longest}).index_select(0, rows.sequence_R);
  const std::vector<TokenIds> texts = token_ids(rows);
  for (const TokenIds& text : texts) width = std::max(width, static_cast<int64_t>(text.size()));
  const torch::Tensor ids_RT = torch::zeros({rows.size(), width}, torch::kInt64);
  for (int64_t r = 0; r < rows.size(); ++r) {
    const TokenIds& text = texts[static_cast<size_t>(r)];
    ids_RT[r].narrow(0, 0, static_cast<int64_t>(text.size())).copy_(torch::tensor(text, torch::kInt64));
  }
  return ids_RT;
}

/// [R,T] bool: which tokens of the rectangle are valid.
inline torch::Tensor valid_tokens(const TextRows& rows, int64_t width = 0) {
  const torch::Tensor ids_RT = rectangle(rows, width), valid_RT = torch::zeros_like(ids_RT, torch::kBool);
  const auto offsets = rows.offsets_R1.accessor<int64_t, 1>();
  const torch::Tensor positions_V = rows.positions_M.index_select(0, rows.tokens_V);
  for (int64_t r = 0; r < rows.size(); ++r)
    for (int64_t v = offsets[r]; v < offsets[r + 1]; ++v) valid_RT[r][positions_V[v].item<int64_t>()] = true;
  return valid_RT;
}

/// Vectors of the valid tokens [V,D] in a rectangle [R,T,D], zeros elsewhere.
inline torch::Tensor in_rectangle(const torch::Tensor& tokens_VD, const TextRows& rows, int64_t width) {
  const torch::Tensor valid_RT = valid_tokens(rows, width);
  torch::Tensor tokens_RTD = torch::zeros({rows.size(), width, tokens_VD.size(1)}, tokens_VD.options());
  return tokens_RTD.index_put({valid_RT}, tokens_VD);
}

}  // namespace fsc::test
