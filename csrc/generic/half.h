// fp16 (IEEE 754 binary16) in plain integer arithmetic, for processors and compilers without the type.
#pragma once

#include <bit>
#include <cstdint>

namespace sampan::generic {

// Exact: every half is a float. A NaN keeps its sign and payload and becomes quiet, as with the instruction vcvtph2ps.
inline float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15 << 31;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude < 0x0400u) {  // subnormal
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t bits = magnitude << 13;
  if (magnitude < 0x7c00u) return std::bit_cast<float>(sign | (bits + (std::uint32_t{127 - 15} << 23)));
  return std::bit_cast<float>(sign | 0x7f800000u | bits | (magnitude > 0x7c00u ? 0x00400000u : 0u));
}

}  // namespace sampan::generic
