// Integer products with AVX2, which multiplies int16 by int16 (vpmaddwd) or unsigned by signed bytes (vpmaddubsw).
//
// A tile is six rows by one panel: its twelve sums, two vectors of weights, one of activations and one of products fill
// the sixteen registers. For int4 it is five rows, as taking codes apart needs a mask besides.
//
// Zen 3 hands 3.2 operations a cycle to the four units that both vpmaddwd and vpaddd want, so that the pair takes as many
// products a cycle as 80 % of what its two multipliers could. Making weights and activations magnitudes and signs, so that
// pairs of products of bytes fit 16 bits (vpxor, vpmaddubsw, vpmaddwd, vpaddd), is no faster in a whole tile.
#include <immintrin.h>

#include "matmul_blocks.h"

namespace sampan::avx2 {
namespace {

__m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
__m256 load_halves(const uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

// Each vector of packed codes is unpacked to two, `low` and `high`, which take a step each.

// Products of int16: those of unsigned and signed bytes may leave the range of vpmaddubsw. The low bytes are inputs 0
// and 2, the high ones 1 and 3; the activations are widened in that order.
struct Int8 {
  static constexpr int64_t kTileRows = 6;
  static constexpr int64_t kSteps = 16;
  static constexpr int64_t kGroupBytes = kGroupSize * kPanel;

  static void ready(const int8_t* codes, int32_t* out) {
    const __m128i order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
    for (int64_t i = 0; i < kGroupSize; i += 16, out += 8) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
      store(out, _mm256_cvtepi8_epi16(_mm_shuffle_epi8(bytes, order)));
    }
  }
  static int32_t start(int32_t sum) { return -128 * sum; }

  static __m256i low(__m256i codes) { return _mm256_and_si256(codes, _mm256_set1_epi16(0xff)); }
  static __m256i high(__m256i codes) { return _mm256_srli_epi16(codes, 8); }
  static void accumulate(__m256i& sum, __m256i codes, __m256i inputs) {
    // In assembly because GCC, given an intrinsic, adds products to one another first and runs out of registers.
    __asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(_mm256_madd_epi16(codes, inputs)));
  }
  static __m256i total(__m256i sum) { return sum; }
};

// Products of bytes. The two int16 lanes of a channel sum sixteen of a group's products each, and both start at -4 times
// the sum of all its activations. Their ends are in range, so it does not matter that they may wrap on the way:
// sum over its own half of (code - 8) * a is at most 16 * 8 * 127 in magnitude, and what is left of the starts,
// 4 * (sum of its own half - sum of the other half), at most 4 * 32 * 127; together 32512.
struct Int4 {
  static constexpr int64_t kTileRows = 5;
  static constexpr int64_t kSteps = 8;
  static constexpr int64_t kGroupBytes = kGroupSize * kPanel / 2;

  static void ready(const int8_t* codes, int32_t* out) { __builtin_memcpy(out, codes, kGroupSize); }
  static int32_t start(int32_t sum) {  // in both lanes
    const auto half = static_cast<uint16_t>(-4 * sum);
    return static_cast<int32_t>(std::uint32_t{half} << 16 | half);
  }

  static __m256i low(__m256i codes) { return _mm256_and_si256(codes, _mm256_set1_epi8(15)); }
  static __m256i high(__m256i codes) { return low(_mm256_srli_epi16(codes, 4)); }
  static void accumulate(__m256i& sum, __m256i codes, __m256i inputs) {
    __asm__("vpaddw %1, %0, %0" : "+x"(sum) : "x"(_mm256_maddubs_epi16(codes, inputs)));
  }
  static __m256i total(__m256i sum) { return _mm256_madd_epi16(sum, _mm256_set1_epi16(1)); }
};

template <typename Weights>
struct Kernel : Weights {
  static constexpr int64_t kTilePanels = 1;
  static constexpr int64_t kBlockGroups = 48;

  template <int kRows, int kPanels>
  [[gnu::noinline]] static void tile(const TileWeights& weights, const TileRows<Kernel>& rows) {
    float* y = weights.y;
    alignas(32) float sums[kRows][kPanel];
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kPanel; c += 8) {
        const __m256 before = weights.first ? _mm256_setzero_ps() : _mm256_loadu_ps(y + r * weights.y_stride + c);
        _mm256_store_ps(sums[r] + c, before);
      }
    }

    for (int64_t g = 0; g < weights.num_groups; ++g) {
      for (int64_t line = weights.line_begin; line < weights.line_end; ++line) {
        _mm_prefetch(weights.ahead + g * Weights::kGroupBytes + line * kCacheLine, _MM_HINT_T1);
      }
      _mm_prefetch(weights.scales + (g + kScalesAhead) * kPanel, _MM_HINT_T0);
      __m256i dots[kRows][2];
      for (int r = 0; r < kRows; ++r) dots[r][0] = dots[r][1] = _mm256_set1_epi32(rows.starts[g * kRows + r]);
      const uint8_t* codes = weights.codes + g * Weights::kGroupBytes;
      const int32_t* inputs = rows.inputs + g * kRows * Weights::kSteps;
      for (int64_t s = 0; s < Weights::kSteps; s += 2) {
        const auto step = [&](__m256i w0, __m256i w1, const int32_t* input) __attribute__((always_inline)) {
          for (int r = 0; r < kRows; ++r) {
            const __m256i broadcast = _mm256_set1_epi32(input[r * Weights::kSteps]);
            Weights::accumulate(dots[r][0], w0, broadcast);
            Weights::accumulate(dots[r][1], w1, broadcast);
          }
        };
        const uint8_t* left = codes + s * 32;
        const uint8_t* right = left + 32;
        step(Weights::low(load(left)), Weights::low(load(right)), inputs + s);
        step(Weights::high(load(left)), Weights::high(load(right)), inputs + s + 1);
      }

      const uint16_t* halves = weights.scales + g * kPanel;
      const __m256 scales[2] = {load_halves(halves), load_halves(halves + 8)};
      for (int r = 0; r < kRows; ++r) {
        const __m256 scale = _mm256_set1_ps(rows.scales[g * kRows + r]);
        for (int c = 0; c < 2; ++c) {
          const __m256 dot = _mm256_cvtepi32_ps(Weights::total(dots[r][c]));
          float* sum = sums[r] + 8 * c;
          _mm256_store_ps(sum, _mm256_fmadd_ps(dot, _mm256_mul_ps(scales[c], scale), _mm256_load_ps(sum)));
        }
      }
    }

    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kPanel; c += 8) _mm256_storeu_ps(y + r * weights.y_stride + c, _mm256_load_ps(sums[r] + c));
    }
  }
};

}  // namespace

void matmul_int8(const Activations& x, const Matrix& w, int64_t panel_begin, int64_t panel_end, float* y,
                 int64_t y_stride) {
  multiply<Kernel<Int8>>(x, w, panel_begin, panel_end, y, y_stride);
}

void matmul_int4(const Activations& x, const Matrix& w, int64_t panel_begin, int64_t panel_end, float* y,
                 int64_t y_stride) {
  multiply<Kernel<Int4>>(x, w, panel_begin, panel_end, y, y_stride);
}

}  // namespace sampan::avx2
