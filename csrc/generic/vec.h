// Sixteen floats, lane by lane: the interface over which csrc/vector/ is written, and its plain version.
//
// The same names stand in csrc/x86/vec_avx2.h and vec_avx512.h, and all return the same bits (a NaN may be another NaN).
// A file includes exactly one of the three, before anything of csrc/vector/. As in csrc/x86/, everything has internal
// linkage, or the linker would keep one file's version for all of them.
#pragma once

#define SAMPAN_VEC_H

#include <cmath>
#include <cstdint>
#include <cstring>

#include "half.h"

namespace sampan {
namespace {

constexpr int kLanes = 16;

struct Vec {
  // Rows of a product whose sums fit into registers, beside what it reads: one vector of each, or two.
  static constexpr int kTileRows = 6;
  static constexpr int kWideTileRows = 2;

  float lane[kLanes];
};

// True or false for each lane.
struct Mask {
  bool lane[kLanes];
};

template <typename Function>
inline Vec each_lane(Function value_of) {
  Vec result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = value_of(i);
  return result;
}

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline Vec broadcast(float value) {
  return each_lane([=](int) { return value; });
}

inline Vec zero() { return broadcast(0.0f); }

// No pointer needs to be aligned.
inline Vec load(const float* p) {
  return each_lane([=](int i) { return p[i]; });
}

inline void store(float* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = v.lane[i];
}

// The first `count` lanes, 0 ... 16; the others are 0 and memory behind them is not touched.
inline Vec load_first(const float* p, int count) {
  return each_lane([=](int i) { return i < count ? p[i] : 0.0f; });
}

inline void store_first(float* p, Vec v, int count) {
  for (int i = 0; i < count; ++i) p[i] = v.lane[i];
}

inline Vec load_bf16(const std::uint16_t* p) {
  return each_lane([=](int i) { return float_of(static_cast<std::uint32_t>(p[i]) << 16); });
}

inline Vec load_fp16(const std::uint16_t* p) {
  return each_lane([=](int i) { return float_of_half(p[i]); });
}

inline Vec load_s8(const std::int8_t* p) {
  return each_lane([=](int i) { return static_cast<float>(p[i]); });
}

inline Vec broadcast_fp16(const std::uint16_t* p) { return broadcast(float_of_half(*p)); }

inline void store_bf16(std::uint16_t* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = bf16_of(v.lane[i]);
}

inline void store_fp16(std::uint16_t* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = half_of(v.lane[i]);
}

// Rounds to nearest, ties to even. Lanes lie in -128 ... 127.
inline void store_s8(std::int8_t* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<std::int8_t>(std::lrint(v.lane[i]));
}

inline Vec operator+(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] + b.lane[i]; });
}

inline Vec operator-(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] - b.lane[i]; });
}

inline Vec operator*(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] * b.lane[i]; });
}

inline Vec operator/(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] / b.lane[i]; });
}

// Turns the sign, of zeros and NaN too.
inline Vec operator-(Vec a) {
  return each_lane([&](int i) { return float_of(bits_of(a.lane[i]) ^ 0x80000000); });
}

inline Vec abs(Vec a) {
  return each_lane([&](int i) { return float_of(bits_of(a.lane[i]) & 0x7fffffff); });
}

// a * b + c, rounded once.
inline Vec fma(Vec a, Vec b, Vec c) {
  return each_lane([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
}

// b where either is NaN, and of equals: the rule of the x86 instructions.
inline Vec max(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}

inline Vec min(Vec a, Vec b) {
  return each_lane([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}

// To the nearest integer, ties to even.
inline Vec round_even(Vec a) {
  return each_lane([&](int i) { return std::nearbyint(a.lane[i]); });
}

// Adds n to the exponent of `value`, where `n_plus_bias` is n + 1.5 * 2^23: that float's low bits are those of n. The
// sum must be the exponent of a normal number.
inline Vec add_to_exponent(Vec value, Vec n_plus_bias) {
  return each_lane([&](int i) { return float_of(bits_of(value.lane[i]) + (bits_of(n_plus_bias.lane[i]) << 23)); });
}

// Comparisons with NaN are false.
inline Mask less(Vec a, Vec b) {
  Mask result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = a.lane[i] < b.lane[i];
  return result;
}

inline Mask less_equal(Vec a, Vec b) {
  Mask result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = a.lane[i] <= b.lane[i];
  return result;
}

inline Mask equal(Vec a, Vec b) {
  Mask result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = a.lane[i] == b.lane[i];
  return result;
}

// The lanes below `count`.
inline Mask first_lanes(int count) {
  Mask result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = i < count;
  return result;
}

// Bit i is lane i.
inline std::uint32_t bits_of(Mask mask) {
  std::uint32_t bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= static_cast<std::uint32_t>(mask.lane[i]) << i;
  return bits;
}

// The other way round; bits above the lanes mean nothing.
inline Mask mask_of(std::uint32_t bits) {
  Mask result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = (bits >> i & 1) != 0;
  return result;
}

// a where the mask is true, b elsewhere.
inline Vec select(Mask mask, Vec a, Vec b) {
  return each_lane([&](int i) { return mask.lane[i] ? a.lane[i] : b.lane[i]; });
}

// The tree (j, j + 8), (j, j + 4), (j, j + 2), (j, j + 1).
inline float reduce_add(Vec v) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    for (int i = 0; i < distance; ++i) v.lane[i] = v.lane[i] + v.lane[i + distance];
  }
  return v.lane[0];
}

// The same tree of max(lane j, lane j + distance).
inline float reduce_max(Vec v) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    for (int i = 0; i < distance; ++i) v.lane[i] = v.lane[i] > v.lane[i + distance] ? v.lane[i] : v.lane[i + distance];
  }
  return v.lane[0];
}

}  // namespace
}  // namespace sampan
