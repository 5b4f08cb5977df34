// The search for the scales of sixteen groups at once, lane by lane.
#pragma once

#ifndef SAMPAN_VEC_H
#error "include generic/vec.h, x86/vec_avx2.h or x86/vec_avx512.h first"
#endif

#include "sampan/kernels.h"

namespace sampan {
namespace {

constexpr int kValues = static_cast<int>(kGroupSize);

struct Range {
  Vec least;
  Vec absmax;
  BadGroups bad;
};

inline Range range_of(const float* x) {
  Vec least = zero();
  Vec most = zero();
  Vec nothing = zero();  // NaN where a value is NaN or Inf
  for (int i = 0; i < kValues; ++i) {
    const Vec value = load(x + i * kLanes);
    least = min(value, least);
    most = max(value, most);
    nothing = nothing + value * zero();
  }
  const Vec absmax = max(most, -least);
  const std::uint32_t finite = bits_of(equal(nothing, zero()));
  return {least, absmax, {~finite & 0xffff, bits_of(less(broadcast(kQuantizeMax), absmax))}};
}

// Rounds magnitudes to numbers that fp16 holds, to nearest, ties to even; they lie well below 65504.
inline Vec round_to_half(Vec x) {
  // Below 2^-14 such numbers are 2^-24 apart, as the sums are here; above, they have 13 bits less than x (T. J. Dekker: A
  // floating-point technique for extending the available precision, 1971).
  const Vec subnormal = (x + broadcast(0.5f)) - broadcast(0.5f);
  const Vec scaled = x * broadcast(8193.0f);
  const Vec normal = scaled - (scaled - x);
  return select(less(x, broadcast(0x1p-14f)), subnormal, normal);
}

inline Vec inverse_of(Vec scale) { return broadcast(1.0f) / scale; }

inline BadGroups quantize_int8(const float* x, std::int8_t* codes, float* scales) {
  constexpr int kScales = 16;
  const Range range = range_of(x);
  Vec best = zero();
  Vec least = broadcast(__builtin_inff());
  for (int j = 0; j < kScales; ++j) {
    const float part = (1.0005f + 0.0045f * static_cast<float>(j)) / 127.0f;
    const Vec scale = round_to_half(range.absmax * broadcast(part) + broadcast(0x1p-25f));
    const Vec inverse = inverse_of(scale);
    Vec squares = zero();
    for (int i = 0; i < kValues; ++i) {
      const Vec value = load(x + i * kLanes);
      const Vec error = value - round_even(value * inverse) * scale;
      squares = squares + error * error;
    }
    const Mask better = less(squares, least);
    best = select(better, scale, best);
    least = select(better, squares, least);
  }
  const Mask empty = less(range.absmax, broadcast(kQuantizeLeast));
  const Vec inverse = select(empty, zero(), inverse_of(best));
  for (int i = 0; i < kValues; ++i) store_s8(codes + i * kLanes, round_even(load(x + i * kLanes) * inverse));
  store(scales, select(empty, zero(), best));
  return range.bad;
}

inline Vec nearest_int4(Vec x) { return min(max(round_even(x), broadcast(-8.0f)), broadcast(7.0f)); }

// A scale, and what it explains of the sum of x^2.
struct Fit {
  Vec scale;
  Vec explained;
};

inline void improve(const float* x, Vec inverse, Fit& best) {
  Vec products = zero();
  Vec squares = zero();
  for (int i = 0; i < kValues; ++i) {
    const Vec value = load(x + i * kLanes);
    const Vec code = nearest_int4(value * inverse);
    products = products + value * code;
    squares = squares + code * code;
  }
  const Vec scale = products / squares;
  const Vec explained = products * scale;
  const Mask better = less(best.explained, explained);
  best = {select(better, scale, best.scale), select(better, explained, best.explained)};
}

inline BadGroups quantize_int4(const float* x, std::int8_t* codes, float* scales) {
  constexpr int kGrids = 8;
  constexpr int kRefinements = 2;
  const Range range = range_of(x);
  const Vec extreme = select(equal(range.least, -range.absmax), range.least, range.absmax);
  const Vec unit = inverse_of(extreme);
  Fit best{zero(), zero()};
  for (int j = 0; j < kGrids; ++j) improve(x, unit * broadcast(-8.4f + 0.3f * static_cast<float>(j)), best);
  for (int j = 0; j < kRefinements; ++j) improve(x, inverse_of(best.scale), best);

  const Vec magnitude = round_to_half(abs(best.scale));
  const Vec scale = select(less(best.scale, zero()), -magnitude, magnitude);
  const Mask empty = less(select(equal(magnitude, zero()), zero(), range.absmax), broadcast(kQuantizeLeast));
  const Vec inverse = select(empty, zero(), inverse_of(scale));
  for (int i = 0; i < kValues; ++i) store_s8(codes + i * kLanes, nearest_int4(load(x + i * kLanes) * inverse));
  store(scales, select(empty, zero(), scale));
  return range.bad;
}

}  // namespace
}  // namespace sampan
