// Sixteen floats in one AVX-512 register. What each function means stands in generic/vec.h.
#pragma once

#define SAMPAN_VEC_H

#include <immintrin.h>

#include <cstdint>

namespace sampan {
namespace {

constexpr int kLanes = 16;

struct Vec {
  // Of 32 registers up to 24 hold sums, two an operand and one a broadcast.
  static constexpr int kTileRows = 12;
  static constexpr int kWideTileRows = 12;

  __m512 all;
};

struct Mask {
  __mmask16 bits;
};

inline Vec broadcast(float value) { return {_mm512_set1_ps(value)}; }
inline Vec zero() { return {_mm512_setzero_ps()}; }
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Vec v) { _mm512_storeu_ps(p, v.all); }

inline Mask first_lanes(int count) { return {static_cast<__mmask16>((1u << count) - 1)}; }

inline Vec load_first(const float* p, int count) { return {_mm512_maskz_loadu_ps(first_lanes(count).bits, p)}; }

inline void store_first(float* p, Vec v, int count) { _mm512_mask_storeu_ps(p, first_lanes(count).bits, v.all); }

inline __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

inline Vec load_bf16(const std::uint16_t* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_256(p)), 16))};
}

inline Vec load_fp16(const std::uint16_t* p) { return {_mm512_cvtph_ps(load_256(p))}; }

inline Vec load_s8(const std::int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}

inline Vec broadcast_fp16(const std::uint16_t* p) { return broadcast(_cvtsh_ss(*p)); }

inline void store_bf16(std::uint16_t* p, Vec v) {
  const __m512i bits = _mm512_castps_si512(v.all);
  const __m512i upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(v.all, v.all, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(rounded, nan, upper, _mm512_set1_epi32(0x40));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(result));
}

inline void store_fp16(std::uint16_t* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v.all, _MM_FROUND_TO_NEAREST_INT));
}

inline void store_s8(std::int8_t* p, Vec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v.all)));
}

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.all, b.all)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.all, b.all)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.all, b.all)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.all, b.all)}; }
inline Vec operator-(Vec a) { return {_mm512_xor_ps(a.all, _mm512_set1_ps(-0.0f))}; }
inline Vec abs(Vec a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.all)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.all, b.all, c.all)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.all, b.all)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.all, b.all)}; }

inline Vec round_even(Vec a) {
  return {_mm512_roundscale_ps(a.all, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

inline Vec add_to_exponent(Vec value, Vec n_plus_bias) {
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(n_plus_bias.all), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(value.all), exponent))};
}

inline Mask less(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_LT_OQ)}; }
inline Mask less_equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_LE_OQ)}; }
inline Mask equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_EQ_OQ)}; }
inline std::uint32_t bits_of(Mask mask) { return mask.bits; }
inline Mask mask_of(std::uint32_t bits) { return {static_cast<__mmask16>(bits)}; }
inline Vec select(Mask mask, Vec a, Vec b) { return {_mm512_mask_blend_ps(mask.bits, b.all, a.all)}; }

inline float reduce_add(Vec v) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v.all), _mm512_extractf32x8_ps(v.all, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float reduce_max(Vec v) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v.all), _mm512_extractf32x8_ps(v.all, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace
}  // namespace sampan
