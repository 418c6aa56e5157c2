// Packs texts one after another, each beginning of them once, and keeps the index tensors that say what each text is.
#include "fsc/tensor/text_rows.h"

#include <algorithm>
#include <unordered_map>

namespace fsc {
namespace {

torch::Tensor int64_tensor(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }
torch::Tensor int32_tensor(const std::vector<int32_t>& values) { return torch::tensor(values, torch::kInt32); }

/// Places of texts in a tree of their tokens: a node is a token that is there, its number the row in [M].
class Tree {
 public:
  explicit Tree(bool shares) : shares_(shares) {}

  /// The rows of the text's tokens; those from `fresh` on are new.
  struct Path {
    std::vector<int64_t> rows;
    size_t fresh = 0;
  };
  Path add(const TokenIds& text) {
    Path path;
    path.rows.reserve(text.size());
    if (!shares_) {
      for (size_t t = 0; t < text.size(); ++t) path.rows.push_back(next_++);
      return path;
    }
    int64_t at = -1;
    for (const int64_t id : text) {
      const auto [child, is_new] = children_.try_emplace({at, id}, next_);
      if (is_new)
        ++next_;
      else
        ++path.fresh;
      at = child->second;
      path.rows.push_back(at);
    }
    return path;
  }
  int64_t size() const { return next_; }

 private:
  struct Hash {
    size_t operator()(const std::pair<int64_t, int64_t>& edge) const {
      return static_cast<size_t>(edge.first) * 0x9E3779B97F4A7C15ULL ^ static_cast<size_t>(edge.second) * 0xC2B2AE3D27D4EB4FULL;
    }
  };
  bool shares_;
  int64_t next_ = 0;
  std::unordered_map<std::pair<int64_t, int64_t>, int64_t, Hash> children_;
};

struct TextHash {
  size_t operator()(const TokenIds* text) const {
    size_t hash = text->size();
    for (const int64_t id : *text) hash = hash * 0x9E3779B97F4A7C15ULL + static_cast<size_t>(id);
    return hash;
  }
};
struct SameText {
  bool operator()(const TokenIds* a, const TokenIds* b) const { return *a == *b; }
};

/// Collects the index vectors of TextRows, text by text.
class Packer {
 public:
  explicit Packer(const TextLayout& layout) : layout_(layout), tree_(layout.width == 0 && layout.share_prefixes) {}

  void add(const TokenIds& text) {
    const auto length = static_cast<int64_t>(text.size());
    TORCH_CHECK(length > 0, "a text without tokens");
    TORCH_CHECK(layout_.width == 0 || length <= layout_.width, "a text of ", length, " tokens in a context of ", layout_.width);
    const auto [known, is_new] = sequence_of_.try_emplace(&text, static_cast<int64_t>(paths_.size()));
    if (is_new) add_sequence(text);
    const std::vector<int64_t>& rows = paths_[static_cast<size_t>(known->second)];
    sequences_.push_back(known->second);
    // CLIP's end-of-text token has the largest id of the vocabulary.
    eot_.push_back(rows[static_cast<size_t>(std::max_element(text.begin(), text.end()) - text.begin())]);
    for (size_t t = 0; t < text.size(); ++t)
      if (layout_.width > 0 || (t > 0 && text[t] > 0)) tokens_.push_back(rows[t]);
    token_offsets_.push_back(static_cast<int64_t>(tokens_.size()));
  }

  TextRows rows() const {
    TextRows rows;
    rows.layout = layout_;
    rows.ids_M = int64_tensor(ids_);
    rows.positions_M = int64_tensor(positions_);
    rows.sequence_R = int64_tensor(sequences_);
    rows.eot_R = int64_tensor(eot_);
    rows.tokens_V = int64_tensor(tokens_);
    rows.offsets_R1 = int64_tensor(token_offsets_);
    rows.sequences = {.count = static_cast<int64_t>(paths_.size()), .longest = longest_};
    if (layout_.width > 0) return rows;
    rows.sequences.offsets_S1 = int32_tensor(offsets_);
    if (static_cast<int64_t>(keys_.size()) == tree_.size()) return rows;
    rows.sequences.keys_K = int32_tensor(keys_);
    rows.sequences.key_offsets_S1 = int32_tensor(key_offsets_);
    return rows;
  }

 private:
  void add_sequence(const TokenIds& text) {
    TokenIds padded = text;
    if (layout_.width > 0) padded.resize(static_cast<size_t>(layout_.width), layout_.pad_id);
    Tree::Path path = tree_.add(padded);
    for (size_t t = path.fresh; t < padded.size(); ++t) {
      ids_.push_back(padded[t]);
      positions_.push_back(static_cast<int64_t>(t));
    }
    for (const int64_t row : path.rows) keys_.push_back(static_cast<int32_t>(row));
    offsets_.push_back(static_cast<int32_t>(ids_.size()));
    key_offsets_.push_back(static_cast<int32_t>(keys_.size()));
    longest_ = std::max(longest_, static_cast<int64_t>(padded.size()));
    paths_.push_back(std::move(path.rows));
  }

  TextLayout layout_;
  Tree tree_;
  std::unordered_map<const TokenIds*, int64_t, TextHash, SameText> sequence_of_;
  std::vector<std::vector<int64_t>> paths_;
  std::vector<int64_t> ids_, positions_, sequences_, eot_, tokens_, token_offsets_ = {0};
  std::vector<int32_t> offsets_ = {0}, keys_, key_offsets_ = {0};
  int64_t longest_ = 0;
};

}  // namespace

TextRows make_text_rows(const std::vector<const TokenIds*>& texts, const TextLayout& layout) {
  TORCH_CHECK(!texts.empty(), "no texts to make rows of");
  Packer packer(layout);
  for (const TokenIds* text : texts) packer.add(*text);
  return packer.rows();
}

std::vector<TokenIds> token_ids(const TextRows& rows) {
  const auto on_cpu = [](const torch::Tensor& tensor) { return tensor.to(torch::kCPU, torch::kInt64).contiguous(); };
  const torch::Tensor ids = on_cpu(rows.ids_M), sequence = on_cpu(rows.sequence_R), valid = on_cpu(rows.offsets_R1);
  const Sequences& s = rows.sequences;
  const torch::Tensor offsets =
      s.is_uniform() ? torch::arange(s.count + 1) * s.longest : on_cpu(s.shares() ? s.key_offsets_S1 : s.offsets_S1);
  const torch::Tensor all_ids = s.shares() ? ids.index_select(0, on_cpu(s.keys_K)) : ids;
  std::vector<TokenIds> texts;
  for (int64_t r = 0; r < rows.size(); ++r) {
    const int64_t number = sequence.const_data_ptr<int64_t>()[r], begin = offsets.const_data_ptr<int64_t>()[number];
    int64_t end = offsets.const_data_ptr<int64_t>()[number + 1];
    if (s.is_uniform()) end = begin + valid.const_data_ptr<int64_t>()[r + 1] - valid.const_data_ptr<int64_t>()[r];  // no padding
    const auto* first = all_ids.const_data_ptr<int64_t>();
    texts.emplace_back(first + begin, first + end);
  }
  return texts;
}

std::vector<TextRows> in_parts(const TextRows& rows, int64_t parts) {
  if (parts == 1) return {rows};
  const std::vector<TokenIds> texts = token_ids(rows);
  std::vector<TextRows> result;
  for (int64_t part = 0; part < parts; ++part) {
    std::vector<const TokenIds*> some;
    for (int64_t r = part * rows.size() / parts; r < (part + 1) * rows.size() / parts; ++r)
      some.push_back(&texts[static_cast<size_t>(r)]);
    result.push_back(make_text_rows(some, rows.layout));
  }
  return result;
}

void Sequences::each_tensor(const TensorVisitor& visit) {
  for (torch::Tensor* tensor : {&offsets_S1, &keys_K, &key_offsets_S1})
    if (tensor->defined()) visit(*tensor);
}

void TextRows::each_tensor(const TensorVisitor& visit) {
  for (torch::Tensor* tensor : {&ids_M, &positions_M, &sequence_R, &eot_R, &tokens_V, &offsets_R1})
    if (tensor->defined()) visit(*tensor);
  sequences.each_tensor(visit);
}

void TextRoles::add(std::string group, torch::Tensor rows_BN) {
  TORCH_CHECK(!has(group), "two groups of texts are called ", group);
  TORCH_CHECK(rows_BN.dim() == 2, "the group ", group, " has rows of shape ", rows_BN.sizes(), ", [B,N] is expected");
  groups_.emplace_back(std::move(group), std::move(rows_BN));
}

bool TextRoles::has(const std::string& group) const {
  return std::any_of(groups_.begin(), groups_.end(), [&](const auto& one) { return one.first == group; });
}

const torch::Tensor& TextRoles::rows_BN(const std::string& group) const {
  std::string names;
  for (const auto& [name, rows] : groups_) {
    if (name == group) return rows;
    names += " " + name;
  }
  TORCH_CHECK(false, "the batch has no group of texts called ", group, "; it has:", names);
}

TextRoles TextRoles::with(const std::string& group, torch::Tensor rows_BN) const {
  TextRoles other = *this;
  std::erase_if(other.groups_, [&](const auto& one) { return one.first == group; });
  other.add(group, std::move(rows_BN));
  return other;
}

void TextRoles::each_tensor(const TensorVisitor& visit) {
  if (owner_R.defined()) visit(owner_R);
  for (auto& [name, rows] : groups_) visit(rows);
}

void Batch::each_tensor(const TensorVisitor& visit) {
  visit(images);
  texts.each_tensor(visit);
  for (TextRows& part : text_parts) part.each_tensor(visit);
  roles.each_tensor(visit);
}

}  // namespace fsc
