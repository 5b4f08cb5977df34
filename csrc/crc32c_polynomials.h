// Polynomials over GF(2) modulo that of CRC-32C, bit-reversed as checksums are: the highest bit is the coefficient of
// x^0. A checksum's register moved past n bytes of zeros is its product with x^(8 n).
//
// Everything has internal linkage, because files of several instruction sets include this.
#pragma once

#include <cstdint>

namespace {

constexpr std::uint32_t kCastagnoli = 0x82f63b78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t times_x(std::uint32_t a) { return (a >> 1) ^ (kCastagnoli & (0u - (a & 1u))); }

constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
    sum ^= b & (0u - static_cast<std::uint32_t>((a & bit) != 0));
    b = times_x(b);
  }
  return sum;
}

// x^(8 n), by squaring.
constexpr std::uint32_t past_bytes(std::int64_t n) {
  std::uint32_t result = kOne;
  std::uint32_t power = kOne >> 8;  // x^8
  for (; n > 0; n >>= 1) {
    if ((n & 1) != 0) result = product(result, power);
    power = product(power, power);
  }
  return result;
}

}  // namespace
