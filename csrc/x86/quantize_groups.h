// The walk over rows and groups that the vector versions of quantize_int8_groups share.
//
// Everything here has internal linkage. An inline function of the usual kind would be compiled once with each file's
// instruction set, and the linker would keep any one of them: a machine without AVX-512 could get the AVX-512 copy.
// For the same reason the files in this folder include no headers of the C++ library but <cstdint>.
#pragma once

#include "sampan/kernels.h"

namespace {

constexpr std::uint32_t kInfBits = 0x7f800000;
constexpr std::uint32_t kQuietNanBits = 0x7fc00000;

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
  if (absmax_bits >= kInfBits) return {float_of(kQuietNanBits), 0.0f, true};
  const float absmax = float_of(absmax_bits);
  if (absmax < sampan::kQuantizeMin) return {0.0f, 0.0f, true};
  return {absmax / 127.0f, 127.0f / absmax, false};
}

// quantize_group takes a whole group. A short last group is padded with zeros, which change neither scale nor codes.
template <void (*quantize_group)(const float*, std::int8_t*, float*)>
void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales) {
  const std::int64_t rest = k % sampan::kWideGroup;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t group = 0; group < k / sampan::kWideGroup; ++group) {
      quantize_group(x, codes, scales++);
      x += sampan::kWideGroup;
      codes += sampan::kWideGroup;
    }
    if (rest != 0) {
      float padded[sampan::kWideGroup] = {};
      std::int8_t padded_codes[sampan::kWideGroup];
      for (std::int64_t i = 0; i < rest; ++i) padded[i] = x[i];
      quantize_group(padded, padded_codes, scales++);
      for (std::int64_t i = 0; i < rest; ++i) codes[i] = padded_codes[i];
      x += rest;
      codes += rest;
    }
  }
}

}  // namespace
