#include <immintrin.h>

#include "sampan/kernels.h"

namespace sampan::avx2 {
namespace {

// Two multipliers with a latency of four or five cycles want ten chains; sixteen registers hold twelve and two factors.
constexpr int kChains = 12;

// Each step is an opaque instruction: of C++, the compiler would see that all chains are alike and compute one of them.

void add_products_of_words(__m256i& sum, __m256i a, __m256i b) {
  __m256i product;
  __asm__ volatile("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(product) : "x"(a), "x"(b));
}

void add_products_of_bytes(__m256i& sum, __m256i a, __m256i b, __m256i ones) {
  __m256i product;
  __asm__ volatile("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
                   : "+x"(sum), "=&x"(product)
                   : "x"(a), "x"(b), "x"(ones));
}

void add_products_of_floats(__m256& sum, __m256 a, __m256 b) {
  __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
}

void consume(__m256i value) { __asm__ volatile("" : : "x"(value)); }

void read_stream(const void* data, std::int64_t num_bytes) {
  const auto* vectors = static_cast<const __m256i*>(data);
  __m256i folded[4] = {};
  for (std::int64_t i = 0; i < num_bytes / 32; i += 8) {
    for (int j = 0; j < 8; ++j) folded[j % 4] = _mm256_xor_si256(folded[j % 4], _mm256_load_si256(vectors + i + j));
  }
  for (const __m256i value : folded) consume(value);
}

// Bytes widened to words beforehand: 16 products an instruction.
void int8_loop_by_words(std::int64_t rounds) {
  const __m256i a = _mm256_set1_epi16(3), b = _mm256_set1_epi16(5);
  __m256i sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256i& sum : sums) add_products_of_words(sum, a, b);
  }
}

// 32 products of bytes, whose pairs fit 16 bits where one factor is a magnitude of at most 127; then widened.
void int8_loop_by_bytes(std::int64_t rounds) {
  const __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  __m256i sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256i& sum : sums) add_products_of_bytes(sum, a, b, ones);
  }
}

void fp32_loop(std::int64_t rounds) {
  const __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(1.0f);
  __m256 sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256& sum : sums) add_products_of_floats(sum, a, b);
  }
}

}  // namespace

const LimitKernels limit_kernels{
    read_stream,
    {{int8_loop_by_words, kChains * 16}, {int8_loop_by_bytes, kChains * 32}},
    {fp32_loop, kChains * 8},
};

}  // namespace sampan::avx2
