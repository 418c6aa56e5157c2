// Keys of what lora.safetensors records besides rank and alpha.
#pragma once

namespace fsc::detail {

inline constexpr const char* kLoraBase = "lora_base";
inline constexpr const char* kLoraSeed = "lora_base_seed";
inline constexpr const char* kLoraTargets = "lora_targets";
inline constexpr const char* kLoraContext = "lora_base_context_length";

}  // namespace fsc::detail
