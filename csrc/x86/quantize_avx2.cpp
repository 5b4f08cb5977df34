#include <immintrin.h>

#include "group_scale.h"

namespace sampan::avx2 {
namespace {

std::uint32_t absmax_bits(const __m256 (&x)[4]) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i most = _mm256_setzero_si256();
  for (const __m256 part : x) most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(part), magnitude));
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(half));
}

// vpsadbw adds unsigned bytes: each code + 128.
std::int32_t sum_of(__m256i codes) {
  const __m256i biased = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
  const __m256i quarters = _mm256_sad_epu8(biased, _mm256_setzero_si256());
  __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(quarters), _mm256_extracti128_si256(quarters, 1));
  sum = _mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum));
  return _mm_cvtsi128_si32(sum) - 128 * static_cast<std::int32_t>(kGroupSize);
}

}  // namespace

void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales,
                   std::int32_t* sums) {
  // Both packs work within 128-bit lanes; this puts the blocks of four codes back in order.
  const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (std::int64_t i = 0; i < rows * (k / kGroupSize); ++i, x += kGroupSize, codes += kGroupSize) {
    const __m256 values[4] = {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8), _mm256_loadu_ps(x + 16),
                              _mm256_loadu_ps(x + 24)};
    const GroupScale group = scale_of(absmax_bits(values));
    const __m256 inverse = _mm256_set1_ps(group.inverse);
    __m256i rounded[4];
    for (int j = 0; j < 4; ++j) rounded[j] = _mm256_cvtps_epi32(_mm256_mul_ps(values[j], inverse));
    const __m256i low = _mm256_packs_epi32(rounded[0], rounded[1]);
    const __m256i high = _mm256_packs_epi32(rounded[2], rounded[3]);
    const __m256i packed = group.empty ? _mm256_setzero_si256()
                                       : _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), in_order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), packed);
    scales[i] = group.scale;
    sums[i] = sum_of(packed);
  }
}

}  // namespace sampan::avx2
