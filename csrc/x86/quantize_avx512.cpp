#include <immintrin.h>

#include "group_scale.h"

namespace sampan::avx512 {

void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales,
                   std::int32_t* sums) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  for (std::int64_t i = 0; i < rows * (k / kGroupSize); ++i, x += kGroupSize, codes += kGroupSize) {
    const __m512 first = _mm512_loadu_ps(x);
    const __m512 second = _mm512_loadu_ps(x + 16);
    const __m512i most = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(first), magnitude),
                                          _mm512_and_si512(_mm512_castps_si512(second), magnitude));
    const GroupScale group = scale_of(static_cast<std::uint32_t>(_mm512_reduce_max_epi32(most)));

    const __m512 inverse = _mm512_set1_ps(group.inverse);
    const __mmask16 keep = group.empty ? 0 : 0xffff;
    const __m512i low = _mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(first, inverse));
    const __m512i high = _mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(second, inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), _mm512_cvtepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + 16), _mm512_cvtepi32_epi8(high));
    scales[i] = group.scale;
    sums[i] = _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
  }
}

}  // namespace sampan::avx512
