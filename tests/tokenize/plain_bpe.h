// Byte-pair encoding as the paper's pseudo-code has it, slow and plain: what the tokenizer's ids must equal, and ids -> text.
#pragma once
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fsc::test {

class PlainBpe {
 public:
  static constexpr size_t kMerges = 49152 - 256 - 2;

  explicit PlainBpe(const std::string& vocabulary) {
    for (int b = 0; b < 256; ++b) {
      if (is_printable(b)) add_byte(b, b);
    }
    for (int b = 0, spare = 256; b < 256; ++b) {
      if (!is_printable(b)) add_byte(b, spare++);
    }
    for (size_t id = 0; id < 256; ++id) spellings_.push_back(spellings_[id] + "</w>");
    std::ifstream file(vocabulary);
    std::string left, right;
    std::getline(file, left);  // the header
    while (ranks_.size() < kMerges && file >> left >> right) {
      ranks_.emplace(std::pair(left, right), ranks_.size());
      spellings_.push_back(left + right);
    }
    if (ranks_.size() != kMerges) throw std::runtime_error("cannot read " + vocabulary);
    for (size_t id = 0; id < spellings_.size(); ++id) ids_[spellings_[id]] = static_cast<int64_t>(id);
  }

  /// As the vocabulary spells each id, without the two special tokens.
  const std::vector<std::string>& spellings() const { return spellings_; }

  /// Ids of one word: while any neighbours have a merge, the one of the lowest rank is done everywhere, from left to right.
  std::vector<int64_t> word(std::string_view bytes) const {
    std::vector<std::string> parts;
    for (const char c : bytes) parts.push_back(names_.at(static_cast<uint8_t>(c)));
    parts.back() += "</w>";
    while (true) {
      const auto* best = best_pair(parts);
      if (!best) break;
      std::vector<std::string> merged;
      for (size_t i = 0; i < parts.size(); ++i) {
        const bool pair = i + 1 < parts.size() && parts[i] == best->first && parts[i + 1] == best->second;
        merged.push_back(pair ? parts[i] + parts[i + 1] : parts[i]);
        i += pair;
      }
      parts = std::move(merged);
    }
    std::vector<int64_t> ids;
    for (const auto& part : parts) ids.push_back(ids_.at(part));
    return ids;
  }

  /// The bytes that `ids` stand for, a space at the end of each word; special tokens are left out.
  std::string text(const std::vector<int64_t>& ids) const {
    std::string out;
    for (const int64_t id : ids) {
      if (id >= static_cast<int64_t>(spellings_.size())) continue;
      std::string_view rest = spellings_[static_cast<size_t>(id)];
      const bool ends = rest.size() > 4 && rest.ends_with("</w>");
      if (ends) rest.remove_suffix(4);
      while (!rest.empty()) {
        const size_t length = static_cast<uint8_t>(rest[0]) < 0x80 ? 1 : 2;  // all names are below U+0800
        out += static_cast<char>(bytes_.at(std::string(rest.substr(0, length))));
        rest.remove_prefix(length);
      }
      if (ends) out += ' ';
    }
    return out;
  }

 private:
  static bool is_printable(int b) { return (b > 32 && b < 127) || (b > 160 && b != 173); }

  void add_byte(int b, int shown_as) {
    std::string name(1, static_cast<char>(shown_as));
    if (shown_as >= 0x80) name = {static_cast<char>(0xC0 | shown_as >> 6), static_cast<char>(0x80 | (shown_as & 0x3F))};
    names_[b] = name;
    bytes_[name] = static_cast<uint8_t>(b);
    spellings_.push_back(name);
  }

  const std::pair<std::string, std::string>* best_pair(const std::vector<std::string>& parts) const {
    const std::pair<std::string, std::string>* best = nullptr;
    size_t best_rank = std::numeric_limits<size_t>::max();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks_.find({parts[i], parts[i + 1]});
      if (found == ranks_.end() || found->second >= best_rank) continue;
      best_rank = found->second;
      best = &found->first;
    }
    return best;
  }

  std::map<int, std::string> names_;
  std::map<std::string, uint8_t> bytes_;
  std::map<std::pair<std::string, std::string>, size_t> ranks_;
  std::map<std::string, int64_t> ids_;
  std::vector<std::string> spellings_;
};

}  // namespace fsc::test
