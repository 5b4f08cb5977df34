#include <immintrin.h>

#include "quantize_groups.h"

namespace sampan::avx2 {
namespace {

std::uint32_t absmax_bits(const float* x) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i most = _mm256_setzero_si256();
  for (int i = 0; i < kWideGroup; i += 8) {
    const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
    most = _mm256_max_epi32(most, _mm256_and_si256(bits, magnitude));
  }
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(half));
}

void quantize_group(const float* x, std::int8_t* codes, float* scale) {
  const GroupScale group = scale_of(absmax_bits(x));
  *scale = group.scale;
  const __m256 inverse = _mm256_set1_ps(group.inverse);
  // Both packs work within 128-bit lanes; this puts the blocks of four codes back in order.
  const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (int i = 0; i < kWideGroup; i += 32) {
    __m256i rounded[4];
    for (int j = 0; j < 4; ++j) rounded[j] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i + 8 * j), inverse));
    const __m256i low = _mm256_packs_epi32(rounded[0], rounded[1]);
    const __m256i high = _mm256_packs_epi32(rounded[2], rounded[3]);
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), in_order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), group.empty ? _mm256_setzero_si256() : packed);
  }
}

}  // namespace

void quantize_int8_groups(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales) {
  quantize_rows<quantize_group>(x, rows, k, codes, scales);
}

}  // namespace sampan::avx2
