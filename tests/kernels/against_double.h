// Compares a fused kernel with its reference: values and gradients in double, where NaN and infinity go, and bits for numbers of
// threads.
#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fsc/kernels/kernels.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "support/gradcheck.h"

namespace fsc::test {

/// f's value, then its gradients.
inline std::vector<torch::Tensor> value_and_gradients(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs) {
  std::vector<torch::Tensor> results = autograd_gradients(f, inputs);
  results.insert(results.begin(), f(inputs).detach());
  return results;
}

/// Fails where f on inputs of any precision (double goes through the reference) is further from f on the same numbers as double
/// than `tolerance` times the largest number of each result.
inline void expect_near_double(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs, double tolerance,
                               const std::string& what) {
  std::vector<torch::Tensor> doubles;
  for (const auto& input : inputs) doubles.push_back(input.to(torch::kFloat64));
  const auto actual = value_and_gradients(f, inputs), expected = value_and_gradients(f, doubles);
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].sizes(), expected[i].sizes()) << what;
    if (i > 0) {
      EXPECT_EQ(actual[i].scalar_type(), inputs[i - 1].scalar_type()) << what;
    }
    if (expected[i].numel() == 0) continue;
    const double difference = (actual[i].to(torch::kFloat64) - expected[i]).abs().max().item<double>();
    const double size = std::max(expected[i].abs().max().item<double>(), 1e-6);
    const double allowed = actual[i].scalar_type() == torch::kBFloat16 ? tolerance + 1.0 / 256 : tolerance;
    EXPECT_LE(difference / size, allowed) << what << ", result " << i;
  }
}

/// Fails where f is a number in one form and NaN or another infinity in the other.
inline void expect_same_finiteness(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs, const std::string& what) {
  const auto fused = value_and_gradients(f, inputs);
  const UseKernels reference(Kernels::kReference);
  const auto expected = value_and_gradients(f, inputs);
  for (size_t i = 0; i < fused.size(); ++i)
    EXPECT_TRUE(torch::equal(fused[i].isfinite(), expected[i].isfinite()))
        << what << ", result " << i << ": " << fused[i] << " where " << expected[i];
}

/// Fails where one thread and several do not give the same bits.
inline void expect_same_bits_for_all_threads(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs) {
  const int before = torch::get_num_threads();
  torch::set_num_threads(1);
  const auto expected = value_and_gradients(f, inputs);
  for (const int threads : {2, 3}) {
    torch::set_num_threads(threads);
    const auto actual = value_and_gradients(f, inputs);
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_TRUE(torch::equal(actual[i], expected[i])) << threads << ", result " << i;
  }
  torch::set_num_threads(before);
}

/// Calls each() once for every instruction set of this processor.
template <class Each>
void for_each_instruction_set(const Each& each) {
  for (const auto set : detail::usable_instruction_sets()) {
    const detail::UseInstructionSet use(set);
    SCOPED_TRACE(detail::name_of(set));
    each();
  }
}

}  // namespace fsc::test
