// Integer products with AVX-512 VNNI: vpdpbusd adds four products of unsigned and signed bytes to each int32.
//
// A tile is eight rows by two panels. Its sixteen sums are more than the instruction's latency needs, and each vector of
// weights and each broadcast serves several of them.
#include <immintrin.h>

#include "matmul_blocks.h"

namespace sampan::avx512 {
namespace {

struct Int8 {
  static constexpr int64_t kGroupBytes = kGroupSize * kPanel;
  static constexpr int32_t kOffset = 128;
  static constexpr int kUnpacked = 1;  // vectors of bytes in one of packed codes

  static __m512i unpack(__m512i codes, int) { return codes; }
};

struct Int4 {
  static constexpr int64_t kGroupBytes = kGroupSize * kPanel / 2;
  static constexpr int32_t kOffset = 8;
  static constexpr int kUnpacked = 2;

  static __m512i unpack(__m512i codes, int half) {
    return _mm512_and_si512(half == 0 ? codes : _mm512_srli_epi16(codes, 4), _mm512_set1_epi8(15));
  }
};

template <typename Weights>
struct Kernel : Weights {
  static constexpr int64_t kTileRows = 8;
  static constexpr int64_t kTilePanels = 2;
  static constexpr int64_t kBlockGroups = 32;
  static constexpr int64_t kSteps = kGroupSize / 4;

  static void ready(const int8_t* codes, int32_t* out) { __builtin_memcpy(out, codes, kGroupSize); }
  static int32_t start(int32_t sum) { return -Weights::kOffset * sum; }

  // In assembly because GCC 12 copies every sum, given an intrinsic.
  static void accumulate(__m512i& sum, __m512i codes, __m512i inputs) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(inputs));
  }

  template <int kRows, int kPanels>
  [[gnu::noinline]] static void tile(const TileWeights& weights, const TileRows<Kernel>& rows) {
    float* y = weights.y;
    alignas(64) float sums[kRows][kPanels][kPanel];
    for (int r = 0; r < kRows; ++r) {
      for (int p = 0; p < kPanels; ++p) {
        const float* before = y + r * weights.y_stride + p * kPanel;
        _mm512_store_ps(sums[r][p], weights.first ? _mm512_setzero_ps() : _mm512_loadu_ps(before));
      }
    }

    for (int64_t g = 0; g < weights.num_groups; ++g) {
      for (int64_t line = weights.line_begin; line < weights.line_end; ++line) {
        const uint8_t* ahead = weights.ahead + g * Weights::kGroupBytes + line * kCacheLine;
        for (int p = 0; p < kPanels; ++p) _mm_prefetch(ahead + p * weights.codes_stride, _MM_HINT_T1);
      }
      for (int p = 0; p < kPanels; ++p) {
        _mm_prefetch(weights.scales + p * weights.scales_stride + (g + kScalesAhead) * kPanel, _MM_HINT_T0);
      }
      __m512i dots[kRows][kPanels];
      for (int r = 0; r < kRows; ++r) {
        for (int p = 0; p < kPanels; ++p) dots[r][p] = _mm512_set1_epi32(rows.starts[g * kRows + r]);
      }
      const uint8_t* codes = weights.codes + g * Weights::kGroupBytes;
      const int32_t* inputs = rows.inputs + g * kRows * kSteps;
      for (int64_t s = 0; s < kSteps; s += Weights::kUnpacked) {
        for (int half = 0; half < Weights::kUnpacked; ++half) {
          __m512i bytes[kPanels];
          for (int p = 0; p < kPanels; ++p) {
            const uint8_t* packed = codes + p * weights.codes_stride + s * (64 / Weights::kUnpacked);
            bytes[p] = Weights::unpack(_mm512_loadu_si512(packed), half);
          }
          for (int r = 0; r < kRows; ++r) {
            const __m512i broadcast = _mm512_set1_epi32(inputs[r * kSteps + s + half]);
            for (int p = 0; p < kPanels; ++p) accumulate(dots[r][p], bytes[p], broadcast);
          }
        }
      }

      __m512 scales[kPanels];
      for (int p = 0; p < kPanels; ++p) {
        const uint16_t* halves = weights.scales + p * weights.scales_stride + g * kPanel;
        scales[p] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
      }
      for (int r = 0; r < kRows; ++r) {
        const __m512 scale = _mm512_set1_ps(rows.scales[g * kRows + r]);
        for (int p = 0; p < kPanels; ++p) {
          const __m512 dot = _mm512_cvtepi32_ps(dots[r][p]);
          const __m512 sum = _mm512_load_ps(sums[r][p]);
          _mm512_store_ps(sums[r][p], _mm512_fmadd_ps(dot, _mm512_mul_ps(scales[p], scale), sum));
        }
      }
    }

    for (int r = 0; r < kRows; ++r) {
      for (int p = 0; p < kPanels; ++p) {
        _mm512_storeu_ps(y + r * weights.y_stride + p * kPanel, _mm512_load_ps(sums[r][p]));
      }
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

}  // namespace sampan::avx512
