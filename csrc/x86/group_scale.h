// How the vector versions of quantize_rows treat one group, once they know its largest magnitude.
//
// Everything here has internal linkage. An inline function of the usual kind would be compiled once with each file's
// instruction set, and the linker would keep any one of them: a machine without AVX-512 could get the AVX-512 copy.
// For the same reason the files in this folder include no headers of the C++ library but <cstdint>.
#pragma once

#include "sampan/matmul.h"

namespace {

struct GroupScale {
  float scale;
  float inverse;
  bool empty;  // codes are 0
};

float float_of(std::uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

// From the bits of the largest magnitude. Magnitudes order as their bits do, Inf and NaN above all numbers.
GroupScale scale_of(std::uint32_t absmax_bits) {
  constexpr std::uint32_t kInfBits = 0x7f800000;
  constexpr std::uint32_t kQuietNanBits = 0x7fc00000;
  if (absmax_bits >= kInfBits) return {float_of(kQuietNanBits), 0.0f, true};
  const float absmax = float_of(absmax_bits);
  if (absmax < sampan::kQuantizeMin) return {0.0f, 0.0f, true};
  return {absmax / 127.0f, 127.0f / absmax, false};
}

}  // namespace
