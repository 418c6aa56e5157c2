// Averages of weights: WiSE-FT's path between two models (Wortsman et al. 2022a) and soups of several (2022b).
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "fsc/tensor/state_dict.h"
#include "fsc/weights/model_folder.h"

namespace fsc {

/// A model and what it is called in messages.
struct NamedModel {
  std::string name;
  const LoadedModel* model = nullptr;
};

/// Error unless all are models of one architecture (activation and context length included) with the same preprocessing: names
/// what differs.
void check_alike(const std::vector<NamedModel>& models);

/// `pretrained` in the context length of `finetuned`, by with_context_length (the official code's WiSE-FT cuts likewise), where
/// that is all that the architectures differ in; else as it is. A note in the log says so.
LoadedModel with_context_of(const NamedModel& pretrained, const NamedModel& finetuned);

/// UsageError unless alpha is a number in [0, 1], or any finite one when `extrapolate`. `option` names it in the message.
void check_alpha(double alpha, bool extrapolate, const std::string& option = "--alpha");

/// (1 - alpha) * pretrained + alpha * finetuned, tensor by tensor, in float32; 0 and 1 give exactly the ends, and a value
/// that both have stays exactly so. Error lists tensors that one of them lacks or has in another shape (the first ten and the
/// count).
StateDict interpolate(const StateDict& pretrained, const StateDict& finetuned, double alpha);

/// The plain mean of models that are added one by one, summed in float64: equal models give themselves, and the order does
/// not matter. A copy goes its own way.
class Soup {
 public:
  /// Errors as for interpolate; `name` is used in messages.
  void add(const StateDict& state, const std::string& name);
  StateDict mean() const;  ///< float32

 private:
  StateDict sum_;
  std::string first_;
  int64_t count_ = 0;
};

/// Greedy soup: the models in falling order of their own scores (equal ones in the given order), each kept when the soup with
/// it scores no lower than without. `score_with(kept, next)` scores the soup of `kept` and `next`. Returns the places of the
/// kept ones, best first.
std::vector<size_t> greedy_ingredients(const std::vector<double>& scores,
                                       const std::function<double(const std::vector<size_t>& kept, size_t next)>& score_with);

/// A copy of `like` with other weights.
LoadedModel with_weights(const LoadedModel& like, const StateDict& state, const std::string& name);

}  // namespace fsc
