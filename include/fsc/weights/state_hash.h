// A digest of weights that does not depend on the file they came from.
#pragma once
#include <string>

#include "fsc/tensor/state_dict.h"

namespace fsc {

/// Lower-case hex SHA-256 of the values as float32, without the shape.
std::string tensor_hash(const torch::Tensor& tensor);

/// Lower-case hex SHA-256 over names (sorted), shapes and values as float32. Files of any format, order, dtype that holds
/// the same values, or metadata give the same hash when their tensors have the same names: hash state_dict(model).
std::string state_hash(const StateDict& state);

}  // namespace fsc
