// Sixteen doubles in four AVX registers. What each function means stands in generic/double_vec.h.
#pragma once

namespace sampan {
namespace {

struct DoubleVec {
  __m256d part[4];
};

inline DoubleVec widen(Vec v) {
  return {{_mm256_cvtps_pd(_mm256_castps256_ps128(v.low)), _mm256_cvtps_pd(_mm256_extractf128_ps(v.low, 1)),
           _mm256_cvtps_pd(_mm256_castps256_ps128(v.high)), _mm256_cvtps_pd(_mm256_extractf128_ps(v.high, 1))}};
}

inline DoubleVec operator+(DoubleVec a, DoubleVec b) {
  return {{_mm256_add_pd(a.part[0], b.part[0]), _mm256_add_pd(a.part[1], b.part[1]),
           _mm256_add_pd(a.part[2], b.part[2]), _mm256_add_pd(a.part[3], b.part[3])}};
}

inline double reduce_add(DoubleVec v) {
  const __m256d four = _mm256_add_pd(_mm256_add_pd(v.part[0], v.part[2]), _mm256_add_pd(v.part[1], v.part[3]));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace sampan
