// From the call that rebuilds a tensor to its place in the file, every number checked for overflow.
#include "io/detail_tensor_spec.h"

#include <algorithm>

#include "fsc/core/error.h"
#include "io/detail_input_file.h"
#include "io/detail_torch_globals.h"

namespace fsc::detail {
namespace {

constexpr size_t kMaxTensorDimensions = 64;  // LibTorch's own limit
constexpr int kMaxWrappers = 4;

GlobalRole called(const PickleValue& value) {
  return value.is(PickleKind::kCall) ? global_role(value.items()[0]) : GlobalRole::kRefused;
}

bool makes_tensor(GlobalRole role) {
  return role == GlobalRole::kRebuildTensor || role == GlobalRole::kRebuildTensorV3 || role == GlobalRole::kParameter ||
         role == GlobalRole::kFromType;
}

class SpecReader {
 public:
  SpecReader(const std::string& name, const ZipArchive& archive, const std::string& folder, const std::string& where)
      : archive_(archive), folder_(folder), where_(where) {
    spec_.name = name;
  }

  TensorSpec read(const PickleValue& call) {
    GlobalRole role = called(call);
    const PickleValue* args = &call.items()[1];
    for (int depth = 0; role == GlobalRole::kParameter || role == GlobalRole::kFromType; ++depth) {
      const auto& wrapped = args->items();
      if (depth == kMaxWrappers || wrapped.empty()) fail("is wrapped in a way that is not understood");
      if (role == GlobalRole::kParameter) {
        if (!is_tensor(wrapped[0])) fail("is a Parameter of something that is no tensor");
        role = called(wrapped[0]);
        args = &wrapped[0].items()[1];
      } else {
        if (wrapped.size() < 3 || !makes_tensor(global_role(wrapped[0]))) fail("is of a class that is not understood");
        role = global_role(wrapped[0]);
        args = &wrapped[2];
      }
    }
    const auto& parts = args->items();
    if (role == GlobalRole::kRebuildTensorV3) {
      const bool named = parts.size() > 6 && parts[6].is(PickleKind::kGlobal);
      fail("has the dtype " + (named ? quote_name(parts[6].items()[1].text()) : "?") + ", which is not supported");
    }
    if (!args->is(PickleKind::kTuple) || parts.size() < 4 || !parts[1].is(PickleKind::kInt))
      fail("is described in a way that is not understood");
    if (parts.size() > 6 && !parts[6].items().empty()) fail("is conjugated or negated, which no weight is");

    const uint64_t bytes = read_storage(parts[0]);
    spec_.offset = parts[1].integer;
    spec_.sizes = integers(parts[2], "sizes");
    spec_.strides = integers(parts[3], "strides");
    check_bounds(bytes);
    return std::move(spec_);
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(where_ + ": tensor " + quote_name(spec_.name) + " " + problem);
  }

  /// Sets the storage and its dtype; returns the bytes that belong to it.
  uint64_t read_storage(const PickleValue& value) {
    if (!value.is(PickleKind::kPersistent)) fail("has no storage in the file");
    const auto& id = value.items()[0].items();
    if (id.size() < 5 || id[0].text() != "storage" || global_role(id[1]) != GlobalRole::kStorage ||
        !id[2].is(PickleKind::kText) || !id[4].is(PickleKind::kInt))
      fail("has a storage that is described in a way that is not understood");
    const std::string_view type = id[1].items()[1].text(), key = id[2].text();
    const auto dtype = storage_dtype(type);
    if (!dtype) fail("has a storage of the class " + quote_name(type) + ", a dtype that is not supported");
    spec_.dtype = *dtype;
    if (key.find('/') != std::string_view::npos) fail("has a storage with the name " + quote_name(key));
    const std::string entry = folder_ + "data/" + std::string(key.substr(0, 256));
    spec_.storage = archive_.find(entry);
    if (!spec_.storage)
      fail("needs the zip entry " + quote_name(entry) + ", which is missing; the file is damaged, get it again");

    archive_.require_stored(*spec_.storage);
    int64_t bytes = 0;
    const auto width = static_cast<int64_t>(c10::elementSize(*dtype));
    if (id[4].integer < 0 || __builtin_mul_overflow(id[4].integer, width, &bytes) ||
        static_cast<uint64_t>(bytes) > spec_.storage->size)
      fail("needs a storage of " + std::to_string(id[4].integer) + " elements, its zip entry " + quote_name(entry) + " has " +
           std::to_string(spec_.storage->size) + " bytes");
    return static_cast<uint64_t>(bytes);
  }

  std::vector<int64_t> integers(const PickleValue& value, const std::string& what) const {
    if (called(value) == GlobalRole::kSize && value.items()[1].items().size() == 1 &&
        value.items()[1].items()[0].is(PickleKind::kTuple))
      return integers(value.items()[1].items()[0], what);
    if (!value.is(PickleKind::kTuple) || value.items().size() > kMaxTensorDimensions) fail("has no sound " + what);
    std::vector<int64_t> numbers;
    for (const auto& item : value.items()) {
      if (!item.is(PickleKind::kInt)) fail("has no sound " + what);
      if (item.integer < 0) fail("has the negative number " + std::to_string(item.integer) + " in its " + what);
      numbers.push_back(item.integer);
    }
    return numbers;
  }

  void check_bounds(uint64_t storage_bytes) {
    if (spec_.sizes.size() != spec_.strides.size()) fail("has sizes and strides of different number");
    const auto width = static_cast<int64_t>(c10::elementSize(spec_.dtype));
    int64_t bytes = width, last = 0;
    bool empty = false, overflow = spec_.offset < 0;
    for (size_t i = 0; i < spec_.sizes.size(); ++i) {
      int64_t reach = 0;
      empty = empty || spec_.sizes[i] == 0;
      overflow = overflow || __builtin_mul_overflow(bytes, std::max<int64_t>(spec_.sizes[i], 1), &bytes) ||
                 __builtin_mul_overflow(std::max<int64_t>(spec_.sizes[i] - 1, 0), spec_.strides[i], &reach) ||
                 __builtin_add_overflow(last, reach, &last);
    }
    int64_t end = 0;
    overflow = overflow || __builtin_add_overflow(last, 1, &spec_.span);
    if (empty) spec_.span = 0;
    overflow = overflow || __builtin_add_overflow(spec_.offset, spec_.span, &end) || __builtin_mul_overflow(end, width, &end);
    if (overflow || static_cast<uint64_t>(end) > storage_bytes)
      fail("reaches outside its storage of " + std::to_string(storage_bytes) + " bytes (offset " + std::to_string(spec_.offset) +
           (overflow ? ", absurd" : "") + "); the file is damaged, get it again");
    spec_.bytes = empty ? 0 : static_cast<uint64_t>(bytes);
  }

  TensorSpec spec_;
  const ZipArchive& archive_;
  const std::string& folder_;
  const std::string& where_;
};

}  // namespace

bool is_tensor(const PickleValue& value) { return makes_tensor(called(value)); }

std::optional<TensorSpec> tensor_spec(const PickleValue& value, const std::string& name, const ZipArchive& archive,
                                      const std::string& folder, const std::string& where) {
  if (!is_tensor(value)) return std::nullopt;
  return SpecReader(name, archive, folder, where).read(value);
}

}  // namespace fsc::detail
