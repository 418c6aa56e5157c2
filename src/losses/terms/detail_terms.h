// The terms there are. Each reads from the config whether it is wanted, and with which weight.
#pragma once
#include <optional>

#include "fsc/losses/objective.h"

namespace fsc::detail {

std::optional<Term> clip_term(const LossConfig& config);
std::optional<Term> siglip_term(const LossConfig& config);
std::optional<Term> global_hn_term(const LossConfig& config);
std::optional<Term> local_hn_term(const LossConfig& config);

}  // namespace fsc::detail
