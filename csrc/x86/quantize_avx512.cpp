#include <immintrin.h>

#include "quantize_groups.h"

namespace sampan::avx512 {
namespace {

std::uint32_t absmax_bits(const float* x) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i most = _mm512_setzero_si512();
  for (int i = 0; i < kWideGroup; i += 16) {
    const __m512i bits = _mm512_castps_si512(_mm512_loadu_ps(x + i));
    most = _mm512_max_epi32(most, _mm512_and_si512(bits, magnitude));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_max_epi32(most));
}

void quantize_group(const float* x, std::int8_t* codes, float* scale) {
  const GroupScale group = scale_of(absmax_bits(x));
  *scale = group.scale;
  const __m512 inverse = _mm512_set1_ps(group.inverse);
  const __mmask16 keep = group.empty ? 0 : 0xffff;
  for (int i = 0; i < kWideGroup; i += 16) {
    const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_maskz_cvtepi32_epi8(keep, rounded));
  }
}

}  // namespace

void quantize_int8_groups(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales) {
  quantize_rows<quantize_group>(x, rows, k, codes, scales);
}

}  // namespace sampan::avx512
