// The 512 bytes before each file of a tar archive: where each field lies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fsc::detail {

inline constexpr size_t kTarBlock = 512;

struct TarField {
  size_t offset, size;
};
namespace tar_field {
inline constexpr TarField kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kTime{136, 12},
    kChecksum{148, 8}, kType{156, 1}, kMagic{257, 8}, kPrefix{345, 155};
}

using TarBlock = std::span<const char, kTarBlock>;

/// The field's text up to its first NUL.
std::string_view tar_text(TarBlock block, TarField field);
/// Octal digits between blanks, or the base-256 form of large values; nothing when it is neither, negative, or beyond 63 bits.
std::optional<uint64_t> tar_number(TarBlock block, TarField field);
/// Sum of the block's bytes with blanks in place of the checksum.
uint32_t tar_checksum(TarBlock block);
/// Whether the checksum in it is that sum, of unsigned bytes or, as some old writers have it, of signed ones.
bool tar_checksum_holds(TarBlock block);
bool is_zero(TarBlock block);
/// 'name' for a message: cut, unprintable bytes as '?'.
std::string shown_name(std::string_view name);
/// Bytes from the end of `size` bytes of data to the next block.
constexpr uint64_t tar_padding(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

}  // namespace fsc::detail
