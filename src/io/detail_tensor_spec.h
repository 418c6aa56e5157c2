// A tensor as a checkpoint's pickle describes it: a window on a storage, checked against the storage's real size.
#pragma once
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/detail_pickle.h"
#include "io/detail_zip_archive.h"

namespace fsc::detail {

struct TensorSpec {
  std::string name;
  const ZipEntry* storage = nullptr;
  c10::ScalarType dtype = c10::ScalarType::Float;
  int64_t offset = 0;  ///< in elements
  std::vector<int64_t> sizes, strides;
  int64_t span = 0;    ///< elements from the first to the last one used
  uint64_t bytes = 0;  ///< of all elements, shared ones counted as often as they are used
};

/// The tensor in `value`, unwrapped from a Parameter; nothing when it holds no tensor. Error begins with `where` and names
/// `name` when the tensor is malformed, of an unsupported dtype, or reaches outside its storage. Storages are the entries
/// `folder`data/<key>.
std::optional<TensorSpec> tensor_spec(const PickleValue& value, const std::string& name, const ZipArchive& archive,
                                      const std::string& folder, const std::string& where);

/// Whether tensor_spec would find a tensor, sound or not.
bool is_tensor(const PickleValue& value);

}  // namespace fsc::detail
