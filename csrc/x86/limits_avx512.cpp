#include <immintrin.h>

#include "sampan/kernels.h"

namespace sampan::avx512 {
namespace {

constexpr int kChains = 16;  // two multipliers with a latency of four or five cycles want ten

// Each step is an opaque instruction: of C++, the compiler would see that all chains are alike and compute one of them.

void add_products_of_bytes(__m512i& sum, __m512i a, __m512i b) {
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

void add_products_of_floats(__m512& sum, __m512 a, __m512 b) {
  __asm__ volatile("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

void consume(__m512i value) { __asm__ volatile("" : : "v"(value)); }

void read_stream(const void* data, std::int64_t num_bytes) {
  const auto* vectors = static_cast<const __m512i*>(data);
  __m512i folded[4] = {};
  for (std::int64_t i = 0; i < num_bytes / 64; i += 4) {
    for (int j = 0; j < 4; ++j) folded[j] = _mm512_xor_si512(folded[j], _mm512_load_si512(vectors + i + j));
  }
  for (const __m512i value : folded) consume(value);
}

void int8_loop(std::int64_t rounds) {
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  __m512i sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512i& sum : sums) add_products_of_bytes(sum, a, b);
  }
}

void fp32_loop(std::int64_t rounds) {
  const __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(1.0f);
  __m512 sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512& sum : sums) add_products_of_floats(sum, a, b);
  }
}

}  // namespace

const LimitKernels limit_kernels{read_stream, {{int8_loop, kChains * 64}, {}}, {fp32_loop, kChains * 16}};

}  // namespace sampan::avx512
