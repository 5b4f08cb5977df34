// Between fp32 and the 16-bit floats, in portable integer arithmetic: the same bits on every machine, whether or not the
// thread flushes subnormal numbers to zero.
#pragma once

#include <bit>
#include <cstdint>

namespace sampan {

inline float float_of_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// Exact. A NaN keeps its sign and payload and becomes quiet, as with the instruction vcvtph2ps.
inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t magnitude = bits & 0x7fffu;
  const std::uint32_t normal = (magnitude << 13) + ((127u - 15u) << 23);
  // A subnormal m * 2^-24: give it the exponent of 2^-14 and take 2^-14 off again.
  const float subnormal = std::bit_cast<float>((magnitude << 13) + (113u << 23)) - 0x1p-14f;
  const std::uint32_t special = (magnitude << 13) | (magnitude > 0x7c00u ? 0x7fc00000u : 0x7f800000u);
  const std::uint32_t finite = magnitude < 0x400u ? std::bit_cast<std::uint32_t>(subnormal) : normal;
  return std::bit_cast<float>(sign | (magnitude < 0x7c00u ? finite : special));
}

// To nearest, ties to even; what lies beyond 65504 becomes Inf. A NaN becomes quiet and keeps its sign and the upper part
// of its payload, as with the instruction vcvtps2ph.
inline std::uint16_t half_of(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude < (113u << 23)) {  // below 2^-14: adding 2^-1 leaves a unit of 2^-24 in the last place, and rounds
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5f)));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  const std::uint32_t half = (rounded - ((127u - 15u) << 23)) >> 13;
  return static_cast<std::uint16_t>(sign | (half < 0x7c00u ? half : 0x7c00u));
}

// To nearest, ties to even; what lies beyond 3.39e38 becomes Inf. A NaN stays one, also where its fraction lies in the
// half that is cut off.
inline std::uint16_t bf16_of(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline constexpr std::uint16_t kFp16Inf = 0x7c00;
inline constexpr std::uint16_t kBf16Inf = 0x7f80;

}  // namespace sampan
