// Rows of the world's tables: a caption with negatives for training, a caption pair for a test.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "synth/detail_caption.h"

namespace fsc::synth {

struct TrainRow {
  std::string caption;
  std::vector<std::string> negatives;  ///< 2 to 4, distinct
};

struct TestItem {
  std::string caption, negative;
};

/// A caption and negatives that are false and, like it, name nothing held out.
TrainRow training_row(const Scene& scene, const HeldOut& held_out, Rng& rng);

/// A caption that states the scene's relation, so that it names held-out combinations only; `scene` has two things or more.
std::string test_caption(const Scene& scene, Rng& rng);

/// A caption as test_caption's and its falsification by `edit`, of held-out combinations only if there is one.
TestItem test_item(const Scene& scene, Edit edit, const HeldOut& held_out, Rng& rng);

/// The list as Python prints it; captions have no quotes, tabs or backslashes.
std::string python_list(const std::vector<std::string>& texts);

}  // namespace fsc::synth
