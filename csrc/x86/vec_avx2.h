// Sixteen floats in two AVX registers. What each function means stands in generic/vec.h.
#pragma once

#define SAMPAN_VEC_H

#include <immintrin.h>

#include <cstdint>

namespace sampan {
namespace {

constexpr int kLanes = 16;

struct Vec {
  // Of sixteen registers twelve hold sums, two an operand and one a broadcast; three wide rows would need seventeen.
  static constexpr int kTileRows = 6;
  static constexpr int kWideTileRows = 2;

  __m256 low;
  __m256 high;
};

struct Mask {
  __m256 low;
  __m256 high;
};

inline Vec broadcast(float value) {
  const __m256 v = _mm256_set1_ps(value);
  return {v, v};
}

inline Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

inline Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }

inline void store(float* p, Vec v) {
  _mm256_storeu_ps(p, v.low);
  _mm256_storeu_ps(p + 8, v.high);
}

inline Mask first_lanes(int count) {
  const __m256i end = _mm256_set1_epi32(count);
  const __m256i low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i high = _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15);
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(end, low)), _mm256_castsi256_ps(_mm256_cmpgt_epi32(end, high))};
}

inline Vec load_first(const float* p, int count) {
  if (count == kLanes) return load(p);
  const Mask mask = first_lanes(count);
  return {_mm256_maskload_ps(p, _mm256_castps_si256(mask.low)),
          _mm256_maskload_ps(p + 8, _mm256_castps_si256(mask.high))};
}

inline void store_first(float* p, Vec v, int count) {
  if (count == kLanes) return store(p, v);  // a masked store is slow
  const Mask mask = first_lanes(count);
  _mm256_maskstore_ps(p, _mm256_castps_si256(mask.low), v.low);
  _mm256_maskstore_ps(p + 8, _mm256_castps_si256(mask.high), v.high);
}

inline __m128i load_128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

inline Vec load_bf16(const std::uint16_t* p) {
  const auto widen = [](__m128i half) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
  };
  return {widen(load_128(p)), widen(load_128(p + 8))};
}

inline Vec load_fp16(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(load_128(p)), _mm256_cvtph_ps(load_128(p + 8))};
}

inline Vec load_s8(const std::int8_t* p) {
  const auto widen = [](const std::int8_t* eight) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(eight))));
  };
  return {widen(p), widen(p + 8)};
}

inline Vec broadcast_fp16(const std::uint16_t* p) { return broadcast(_cvtsh_ss(*p)); }

inline void store_bf16(std::uint16_t* p, Vec v) {
  const auto round = [](__m256 value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i upper = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, _mm256_or_si256(upper, _mm256_set1_epi32(0x40)), nan);
  };
  // The pack works within 128-bit lanes; the permutation puts the quarters back in order.
  const __m256i packed = _mm256_packus_epi32(round(v.low), round(v.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0)));
}

inline void store_fp16(std::uint16_t* p, Vec v) {
  const auto round = [](__m256 value) { return _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT); };
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), round(v.low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), round(v.high));
}

inline void store_s8(std::int8_t* p, Vec v) {
  __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high));
  words = _mm256_permute4x64_epi64(words, _MM_SHUFFLE(3, 1, 2, 0));
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }

inline Vec operator-(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
}

inline Vec abs(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}

inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }

inline Vec round_even(Vec a) {
  constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.low, kMode), _mm256_round_ps(a.high, kMode)};
}

inline Vec add_to_exponent(Vec value, Vec n_plus_bias) {
  const auto add = [](__m256 v, __m256 n) {
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), exponent));
  };
  return {add(value.low, n_plus_bias.low), add(value.high, n_plus_bias.high)};
}

inline Mask less(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}

inline Mask less_equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LE_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LE_OQ)};
}

inline Mask equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
}

inline std::uint32_t bits_of(Mask mask) {
  const auto low = static_cast<std::uint32_t>(_mm256_movemask_ps(mask.low));
  return low | static_cast<std::uint32_t>(_mm256_movemask_ps(mask.high)) << 8;
}

inline Mask mask_of(std::uint32_t bits) {
  const __m256i all = _mm256_set1_epi32(static_cast<int>(bits));
  const __m256i low = _mm256_setr_epi32(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7);
  const __m256i high = _mm256_slli_epi32(low, 8);
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, low), low)),
          _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, high), high))};
}

inline Vec select(Mask mask, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.low, a.low, mask.low), _mm256_blendv_ps(b.high, a.high, mask.high)};
}

inline float reduce_add(Vec v) {
  const __m256 eight = _mm256_add_ps(v.low, v.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float reduce_max(Vec v) {
  const __m256 eight = _mm256_max_ps(v.low, v.high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace
}  // namespace sampan
