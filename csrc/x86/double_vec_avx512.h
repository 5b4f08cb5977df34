// Sixteen doubles in two AVX-512 registers. What each function means stands in generic/double_vec.h.
#pragma once

namespace sampan {
namespace {

struct DoubleVec {
  __m512d part[2];
};

inline DoubleVec widen(Vec v) {
  return {{_mm512_cvtps_pd(_mm512_castps512_ps256(v.all)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v.all, 1))}};
}

inline DoubleVec operator+(DoubleVec a, DoubleVec b) {
  return {{_mm512_add_pd(a.part[0], b.part[0]), _mm512_add_pd(a.part[1], b.part[1])}};
}

inline double reduce_add(DoubleVec v) {
  const __m512d eight = _mm512_add_pd(v.part[0], v.part[1]);
  const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace sampan
