// A streaming JSON reader for safetensors headers: no document tree, so hostile nesting costs neither memory nor stack.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_set>

#include "fsc/core/error.h"
#include "io/detail_input_file.h"
#include "io/detail_safetensors_header.h"

namespace fsc::detail {
namespace {

constexpr size_t kMaxDimensions = 64;  // LibTorch's own limit
// A tensor takes ten times the bytes of its shortest header entry, so their number is bounded, far above any model's.
constexpr size_t kMaxTensors = 50'000, kMaxMetadata = 10'000;

/// Receives the JSON events and accepts exactly {name: {dtype, shape, data_offsets}, "__metadata__": {text: text}}.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& where) : where_(where) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(size_t) override {
    if (level_ == Level::kStart) {
      level_ = Level::kRoot;
    } else if (level_ == Level::kRoot) {
      level_ = in_metadata_ ? Level::kMetadata : Level::kTensor;
      seen_ = {};
    } else {
      fail("an object where none belongs");
    }
    return true;
  }
  bool end_object() override {
    if (level_ == Level::kTensor) {
      if (!seen_.dtype) fail("has no dtype");
      if (!seen_.shape) fail("has no shape");
      if (!seen_.data_offsets) fail("has no data_offsets");
      if (header_.entries.size() == kMaxTensors) fail("is one more than the " + std::to_string(kMaxTensors) + " that are read");
      header_.entries.push_back(std::move(entry_));
      entry_ = {};
    }
    level_ = level_ == Level::kRoot ? Level::kDone : Level::kRoot;
    if (level_ == Level::kRoot) in_metadata_ = false, what_ = "header";
    return true;
  }
  bool key(std::string& name) override {
    if (level_ == Level::kRoot) {
      what_ = "tensor " + quote_name(name);
      if (!names_.insert(name).second) fail("appears twice");
      in_metadata_ = name == "__metadata__";
      if (in_metadata_) what_ = "__metadata__";
      entry_.name = name;
    } else {
      field_ = name;
    }
    return true;
  }
  bool string(std::string& value) override {
    if (level_ == Level::kMetadata) {
      if (header_.metadata.size() == kMaxMetadata) fail("has more than " + std::to_string(kMaxMetadata) + " texts");
      if (!header_.metadata.emplace(field_, value).second) fail("has " + quote_name(field_) + " twice");
      return true;
    }
    if (level_ != Level::kTensor || field_ != "dtype") unexpected("a text");
    once(seen_.dtype);
    for (const auto& known : safetensors_dtypes()) {
      if (value == known.name) return entry_.dtype = known.dtype, true;
    }
    std::string names;
    for (const auto& known : safetensors_dtypes()) names += std::string(names.empty() ? "" : ", ") + known.name;
    fail("has dtype " + quote_name(value) + ", which is not supported; supported are " + names);
  }
  bool start_array(size_t) override {
    if (level_ == Level::kTensor && field_ == "shape") {
      once(seen_.shape);
    } else if (level_ == Level::kTensor && field_ == "data_offsets") {
      once(seen_.data_offsets);
    } else {
      unexpected("a list");
    }
    level_ = Level::kNumbers;
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    level_ = Level::kTensor;
    if (field_ == "shape") {
      entry_.shape.assign(numbers_.begin(), numbers_.end());
      return true;
    }
    if (numbers_.size() != 2) fail("needs two data_offsets (begin, end), it has " + std::to_string(numbers_.size()));
    entry_.begin = numbers_[0];
    entry_.end = numbers_[1];
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != Level::kNumbers) unexpected("a number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      fail("has " + std::to_string(value) + " in " + field_ + ": too large");
    if (numbers_.size() == kMaxDimensions) fail("has more than " + std::to_string(kMaxDimensions) + " numbers in " + field_);
    numbers_.push_back(value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    if (level_ != Level::kNumbers) unexpected("a number");
    fail("has the negative number " + std::to_string(value) + " in " + field_);
  }
  bool number_float(number_float_t, const std::string& text) override {
    if (level_ != Level::kNumbers) unexpected("a number");
    fail("has " + quote_name(text) + " in " + field_ + ", a whole number below 2^63 is needed");
  }
  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool binary(nlohmann::json::binary_t&) override { unexpected("binary data"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    throw Error(where_ + ": the safetensors header is not valid JSON (near its byte " + std::to_string(position) +
                "); the file is damaged, get it again");
  }

 private:
  enum class Level { kStart, kRoot, kTensor, kMetadata, kNumbers, kDone };
  struct Seen {
    bool dtype = false, shape = false, data_offsets = false;
  };

  [[noreturn]] void fail(const std::string& problem) const { throw Error(where_ + ": " + what_ + " " + problem); }
  [[noreturn]] void unexpected(const std::string& value) const {
    const bool root = level_ == Level::kStart || level_ == Level::kRoot;
    fail("has " + value + (root ? "" : " in field " + quote_name(field_)) +
         ", which the safetensors format does not allow there");
  }
  void once(bool& seen) const {
    if (seen) fail("has " + field_ + " twice");
    seen = true;
  }

  const std::string& where_;
  SafetensorsHeader header_;
  HeaderEntry entry_;
  Level level_ = Level::kStart;
  Seen seen_;
  bool in_metadata_ = false;
  std::string what_ = "header", field_;
  std::vector<uint64_t> numbers_;
  std::unordered_set<std::string> names_;
};

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Bytes of a tensor; nothing when the number (zero sizes counted as one, as LibTorch does for strides) exceeds 63 bits.
std::optional<uint64_t> byte_size(const HeaderEntry& entry) {
  int64_t bytes = static_cast<int64_t>(c10::elementSize(entry.dtype));
  bool empty = false;
  for (const int64_t size : entry.shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

void check_entry(const HeaderEntry& entry, uint64_t data_size, const std::string& where) {
  const std::string what = where + ": tensor " + quote_name(entry.name);
  if (entry.begin > entry.end) {
    throw Error(what + " ends (byte " + std::to_string(entry.end) + ") before it begins (byte " + std::to_string(entry.begin) +
                ")");
  }
  if (entry.end > data_size) {
    throw Error(what + " needs bytes " + std::to_string(entry.begin) + " to " + std::to_string(entry.end) +
                " of the data, the file has " + std::to_string(data_size) + "; the file is truncated or damaged, get it again");
  }
  const auto bytes = byte_size(entry);
  if (!bytes) throw Error(what + " has the absurd shape " + shape_text(entry.shape));
  if (*bytes != entry.end - entry.begin) {
    throw Error(what + " of shape " + shape_text(entry.shape) + " takes " + std::to_string(*bytes) +
                " bytes, its data_offsets give " + std::to_string(entry.end - entry.begin));
  }
}

}  // namespace

const std::vector<NamedDtype>& safetensors_dtypes() {
  static const std::vector<NamedDtype> dtypes = {{"F64", c10::ScalarType::Double}, {"F32", c10::ScalarType::Float},
                                                 {"F16", c10::ScalarType::Half},   {"BF16", c10::ScalarType::BFloat16},
                                                 {"I64", c10::ScalarType::Long},   {"I32", c10::ScalarType::Int},
                                                 {"I16", c10::ScalarType::Short},  {"I8", c10::ScalarType::Char},
                                                 {"U8", c10::ScalarType::Byte},    {"BOOL", c10::ScalarType::Bool}};
  return dtypes;
}

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, const std::string& where) {
  HeaderReader reader(where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  SafetensorsHeader header = reader.take();
  for (const auto& entry : header.entries) check_entry(entry, data_size, where);

  std::vector<size_t> order(header.entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto &x = header.entries[a], &y = header.entries[b];
    return std::tie(x.begin, x.end) < std::tie(y.begin, y.end);
  });
  uint64_t covered = 0;
  std::string previous = "the start of the data";
  for (const size_t i : order) {
    const auto& entry = header.entries[i];
    if (entry.begin != covered) {
      throw Error(where + ": tensor " + quote_name(entry.name) +
                  (entry.begin < covered ? " overlaps " : " leaves a hole after ") + previous);
    }
    covered = entry.end;
    previous = "tensor " + quote_name(entry.name);
  }
  if (covered != data_size) {
    throw Error(where + ": " + std::to_string(data_size - covered) +
                " bytes at the end belong to no tensor; the file is damaged, get it again");
  }
  return header;
}

}  // namespace fsc::detail
