// The classes and functions a checkpoint's pickle may mention, and what each means for the tensors in it.
#pragma once
#include <c10/core/ScalarType.h>

#include <optional>
#include <string_view>

#include "io/detail_pickle.h"

namespace fsc::detail {

enum class GlobalRole {
  kRefused,          ///< anything else: an error
  kPlain,            ///< harmless beside the weights (numpy's scalars, argparse.Namespace ...): carried along, never looked into
  kRebuildTensor,    ///< (storage, offset, sizes, strides, requires_grad, hooks, [metadata])
  kRebuildTensorV3,  ///< for dtypes newer than torch's storages (float8, uint16): none of them is supported
  kParameter,        ///< (tensor, ...)
  kFromType,         ///< (function, class, arguments, attributes): a tensor that carries attributes of its own
  kStorage,          ///< a storage's class, which says the dtype
  kSize,             ///< torch.Size((...))
  kScriptClass,      ///< a module of a TorchScript archive
};

GlobalRole global_role(std::string_view module, std::string_view name);
/// kRefused for values that are no global.
GlobalRole global_role(const PickleValue& value);

/// dtype of a class of torch's storages ("HalfStorage"); nothing for one that is not supported.
std::optional<c10::ScalarType> storage_dtype(std::string_view name);

}  // namespace fsc::detail
