// Products with bf16, fp16 and fp32 weights (sampan/matmul.h) over sixteen lanes: a panel is sixteen lanes wide.
//
// Few rows, one tile, read the weights once, as they lie in memory. Many rows go block by block: a chunk of a panel is
// widened to fp32 once for all rows of the block, whose inputs of that chunk stay in the second-level cache meanwhile.
#pragma once

#include "sampan/matmul.h"
#include "vector/numbers.h"
#include "vector/tiles.h"

namespace sampan {
namespace {

constexpr std::int64_t kRowBlock = 192;
constexpr std::int64_t kAhead = 1024;  // weights that few rows ask for ahead of use

// A single row waits for memory, and four streams wait better than two.
constexpr int tile_panels(int rows) { return rows == 1 ? 4 : tile_columns(rows); }

// Some panels of a weight matrix and their inputs from k = begin on.
template <typename Number>
struct Chunk {
  const typename Number::Element* weights;
  std::int64_t panel_stride;
  std::int64_t size;   // along k
  std::int64_t ahead;  // how far memory is asked for in advance
  bool first;          // of the row: it is written, the others are added
};

// y [kRows, kPanels * kPanel] of one chunk; x and y point to their first element.
template <typename Number, int kRows, int kPanels>
inline void multiply_tile(const Chunk<Number>& chunk, const float* x, std::int64_t x_stride, float* y,
                          std::int64_t y_stride) {
  Vec sum[kRows][kPanels];
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) sum[r][p] = zero();
  }
  for (std::int64_t k = 0; k < chunk.size; ++k) {
    Vec w[kPanels];
    for (int p = 0; p < kPanels; ++p) {
      const auto* weights = chunk.weights + p * chunk.panel_stride + k * kPanel;
      __builtin_prefetch(weights + chunk.ahead);
      w[p] = Number::load(weights);
    }
    for (int r = 0; r < kRows; ++r) {
      const Vec input = broadcast(x[r * x_stride + k]);
      for (int p = 0; p < kPanels; ++p) sum[r][p] = fma(w[p], input, sum[r][p]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      float* out = y + r * y_stride + p * kPanel;
      store(out, (chunk.first ? zero() : load(out)) + sum[r][p]);
    }
  }
}

// As multiply_tile, for a number of panels up to tile_panels(kRows).
template <typename Number, int kRows>
inline void multiply_panels(Chunk<Number> chunk, int panels, const float* x, std::int64_t x_stride, float* y,
                            std::int64_t y_stride) {
  constexpr int kPanels = tile_panels(kRows);
  if (panels == kPanels) return multiply_tile<Number, kRows, kPanels>(chunk, x, x_stride, y, y_stride);
  for (; panels > 0; --panels, chunk.weights += chunk.panel_stride, y += kPanel) {
    multiply_tile<Number, kRows, 1>(chunk, x, x_stride, y, y_stride);
  }
}

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

template <typename Number, int kRows>
void multiply_few(const Activations& x, const Matrix& w, std::int64_t begin, std::int64_t end, float* y,
                  std::int64_t y_stride) {
  constexpr int kPanels = tile_panels(kRows);
  const auto* weights = static_cast<const typename Number::Element*>(w.codes);
  for (std::int64_t panel = begin; panel < end; panel += kPanels) {
    const int panels = static_cast<int>(least(kPanels, end - panel));
    for (std::int64_t k = 0; k < w.k; k += kFloatChunk) {
      const Chunk<Number> chunk{weights + (panel * w.k + k) * kPanel, w.k * kPanel, least(kFloatChunk, w.k - k), kAhead,
                                k == 0};
      multiply_panels<Number, kRows>(chunk, panels, x.values + k, x.k, y + panel * kPanel, y_stride);
    }
  }
}

// One block of rows, more than a tile and at most kRowBlock.
template <typename Number>
void multiply_block(const float* x, int rows, const Matrix& w, std::int64_t begin, std::int64_t end, float* y,
                    std::int64_t y_stride) {
  constexpr std::int64_t kChunkSize = kFloatChunk * kPanel;
  constexpr int kPanels = tile_columns(1);
  alignas(64) float widened[kPanels * kChunkSize];
  const auto* weights = static_cast<const typename Number::Element*>(w.codes);
  const Tiles tiles(rows);
  const int step = tile_columns(tiles.largest());
  for (std::int64_t k = 0; k < w.k; k += kFloatChunk) {
    const Chunk<Fp32> chunk{widened, kChunkSize, least(kFloatChunk, w.k - k), 0, k == 0};
    for (std::int64_t panel = begin; panel < end; panel += step) {
      const int panels = static_cast<int>(least(step, end - panel));
      for (int p = 0; p < panels; ++p) {
        const auto* from = weights + ((panel + p) * w.k + k) * kPanel;
        widen<Number>(from, chunk.size * kPanel, from + w.k * kPanel, widened + p * kChunkSize);
      }
      for (int tile = 0; tile < tiles.count; ++tile) {
        with_rows(tiles.size(tile), [&]<int kRows>() {
          multiply_panels<Fp32, kRows>(chunk, panels, x + tiles.begin(tile) * w.k + k, w.k,
                                       y + tiles.begin(tile) * y_stride + panel * kPanel, y_stride);
        });
      }
    }
  }
}

template <typename Number>
void multiply(const Activations& x, const Matrix& w, std::int64_t begin, std::int64_t end, float* y,
              std::int64_t y_stride) {
  if (x.rows <= 0) return;
  if (x.rows <= kMaxTileRows) {
    with_rows(static_cast<int>(x.rows),
              [&]<int kRows>() { multiply_few<Number, kRows>(x, w, begin, end, y, y_stride); });
    return;
  }
  const std::int64_t blocks = (x.rows + kRowBlock - 1) / kRowBlock;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t row = x.rows * block / blocks;
    const auto rows = static_cast<int>(x.rows * (block + 1) / blocks - row);
    multiply_block<Number>(x.values + row * x.k, rows, w, begin, end, y + row * y_stride, y_stride);
  }
}

void matmul(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
            std::int64_t y_stride) {
  switch (w.format) {
    case Format::bf16:
      return multiply<Bf16>(x, w, panel_begin, panel_end, y, y_stride);
    case Format::fp16:
      return multiply<Fp16>(x, w, panel_begin, panel_end, y, y_stride);
    case Format::fp32:
      return multiply<Fp32>(x, w, panel_begin, panel_end, y, y_stride);
    case Format::int8:
    case Format::int4:
      break;
  }
}

}  // namespace
}  // namespace sampan
