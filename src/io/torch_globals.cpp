// The list of globals: short on purpose, each one seen in a checkpoint.
#include "io/detail_torch_globals.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fsc::detail {
namespace {

struct KnownGlobal {
  std::string_view module, name;
  GlobalRole role;
};

constexpr GlobalRole kPlain = GlobalRole::kPlain;
constexpr KnownGlobal kKnown[] = {
    {"torch._utils", "_rebuild_tensor", GlobalRole::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", GlobalRole::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v3", GlobalRole::kRebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", GlobalRole::kParameter},
    {"torch._utils", "_rebuild_parameter_with_state", GlobalRole::kParameter},
    {"torch._tensor", "_rebuild_from_type_v2", GlobalRole::kFromType},
    {"torch", "Size", GlobalRole::kSize},
    {"collections", "OrderedDict", kPlain},
    // Beside the weights: settings, counters, numpy's numbers, random states.
    {"torch", "Tensor", kPlain},
    {"torch.nn.parameter", "Parameter", kPlain},
    {"torch", "device", kPlain},
    {"torch.serialization", "_get_layout", kPlain},
    {"torch.torch_version", "TorchVersion", kPlain},
    {"collections", "defaultdict", kPlain},
    {"collections", "Counter", kPlain},
    {"collections", "deque", kPlain},
    {"argparse", "Namespace", kPlain},
    {"types", "SimpleNamespace", kPlain},
    {"datetime", "datetime", kPlain},
    {"datetime", "timedelta", kPlain},
    {"pathlib", "PosixPath", kPlain},
    {"pathlib", "PurePosixPath", kPlain},
    {"pathlib", "WindowsPath", kPlain},
    {"_codecs", "encode", kPlain},
    {"numpy", "dtype", kPlain},
    {"numpy", "ndarray", kPlain},
    {"numpy.core.multiarray", "scalar", kPlain},
    {"numpy.core.multiarray", "_reconstruct", kPlain},
    {"numpy._core.multiarray", "scalar", kPlain},
    {"numpy._core.multiarray", "_reconstruct", kPlain},
    // TorchScript's own containers.
    {"torch.jit._pickle", "build_intlist", kPlain},
    {"torch.jit._pickle", "build_doublelist", kPlain},
    {"torch.jit._pickle", "build_boollist", kPlain},
    {"torch.jit._pickle", "build_tensorlist", kPlain},
    {"torch.jit._pickle", "restore_type_tag", kPlain},
};

/// Python's own classes that hold nothing but values; never getattr, eval and the like.
constexpr std::array<std::string_view, 11> kBuiltins = {"set",   "frozenset", "list",    "dict",      "tuple", "int",
                                                        "float", "bool",      "complex", "bytearray", "slice"};

constexpr std::pair<std::string_view, c10::ScalarType> kStorages[] = {
    {"DoubleStorage", c10::ScalarType::Double}, {"FloatStorage", c10::ScalarType::Float},
    {"HalfStorage", c10::ScalarType::Half},     {"BFloat16Storage", c10::ScalarType::BFloat16},
    {"LongStorage", c10::ScalarType::Long},     {"IntStorage", c10::ScalarType::Int},
    {"ShortStorage", c10::ScalarType::Short},   {"CharStorage", c10::ScalarType::Char},
    {"ByteStorage", c10::ScalarType::Byte},     {"BoolStorage", c10::ScalarType::Bool}};

/// torch.<dtype>, those of other tools' tensors included.
bool is_dtype_name(std::string_view name) {
  for (const std::string_view stem : {"float", "bfloat", "int", "uint", "complex", "bool", "double", "half", "long"}) {
    if (!name.starts_with(stem)) continue;
    const std::string_view rest = name.substr(stem.size());
    if (std::all_of(rest.begin(), rest.end(),
                    [](char c) { return (c >= '0' && c <= '9') || c == '_' || (c >= 'a' && c <= 'z'); }))
      return true;
  }
  return false;
}

}  // namespace

GlobalRole global_role(std::string_view module, std::string_view name) {
  for (const auto& known : kKnown) {
    if (known.module == module && known.name == name) return known.role;
  }
  if ((module == "torch" || module == "torch.cuda" || module == "torch.storage") && name.ends_with("Storage"))
    return GlobalRole::kStorage;
  if (module == "torch" && is_dtype_name(name)) return GlobalRole::kPlain;
  if (module == "builtins" || module == "__builtin__")
    return std::find(kBuiltins.begin(), kBuiltins.end(), name) != kBuiltins.end() ? GlobalRole::kPlain : GlobalRole::kRefused;
  if (module == "__torch__" || module.starts_with("__torch__.")) return GlobalRole::kScriptClass;
  return GlobalRole::kRefused;
}

GlobalRole global_role(const PickleValue& value) {
  if (!value.is(PickleKind::kGlobal)) return GlobalRole::kRefused;
  return global_role(value.items()[0].text(), value.items()[1].text());
}

std::optional<c10::ScalarType> storage_dtype(std::string_view name) {
  for (const auto& [known, dtype] : kStorages) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

}  // namespace fsc::detail
