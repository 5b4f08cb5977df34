// Products with bf16, fp16 and fp32 weights (sampan/matmul.h) over sixteen lanes: a panel is sixteen lanes wide.
//
// The rows of one tile read the weights in the order in which they lie in memory. Where there are more, a chunk of a few
// panels stays in the second-level cache while all tiles pass over it, each with a copy of its inputs: rows that lie a
// power of two apart would fall on the same sets of the first-level cache.
#pragma once

#include "sampan/matmul.h"
#include "vector/numbers.h"
#include "vector/tiles.h"

namespace sampan {
namespace {

constexpr std::int64_t kPanelGroup = 8;
constexpr std::int64_t kInputStride = kFloatChunk + kLanes;
constexpr std::int64_t kAhead = 1024;  // weights that are asked for ahead of use

// A single row waits for memory, and four streams wait better than two.
constexpr int tile_panels(int rows) { return rows == 1 ? 4 : tile_columns(rows); }

// A part of k: the weights of a tile's first panel, and the tile's inputs [rows, x_stride].
template <typename Number>
struct Chunk {
  const typename Number::Element* weights;
  std::int64_t panel_stride;
  const float* x;
  std::int64_t x_stride;
  std::int64_t size;
  bool first;  // is written to y; the others are added
};

// y [kRows, kPanels * kPanel] of one chunk
template <typename Number, int kRows, int kPanels>
inline void multiply_tile(const Chunk<Number>& chunk, float* y, std::int64_t y_stride) {
  Vec sum[kRows][kPanels];
  _Pragma("GCC unroll 16")
  for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16")
    for (int p = 0; p < kPanels; ++p) sum[r][p] = zero();
  }
  for (std::int64_t k = 0; k < chunk.size; ++k) {
    Vec w[kPanels];
    _Pragma("GCC unroll 16")
    for (int p = 0; p < kPanels; ++p) {
      const auto* weights = chunk.weights + p * chunk.panel_stride + k * kPanel;
      __builtin_prefetch(weights + kAhead);
      w[p] = Number::load(weights);
    }
    _Pragma("GCC unroll 16")
    for (int r = 0; r < kRows; ++r) {
      const Vec input = broadcast(chunk.x[r * chunk.x_stride + k]);
      _Pragma("GCC unroll 16")
      for (int p = 0; p < kPanels; ++p) sum[r][p] = fma(w[p], input, sum[r][p]);
    }
  }
  _Pragma("GCC unroll 16")
  for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16")
    for (int p = 0; p < kPanels; ++p) {
      float* out = y + r * y_stride + p * kPanel;
      store(out, (chunk.first ? zero() : load(out)) + sum[r][p]);
    }
  }
}

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

inline void copy_inputs(const float* x, std::int64_t stride, int rows, std::int64_t size, float* inputs) {
  for (int row = 0; row < rows; ++row, x += stride, inputs += kInputStride) {
    for (std::int64_t k = 0; k < size; k += kLanes) {
      store(inputs + k, load_first(x + k, static_cast<int>(least(kLanes, size - k))));
    }
  }
}

// One tile of rows and some panels.
template <typename Number, int kRows>
inline void multiply_panels(Chunk<Number> chunk, std::int64_t panels, float* y, std::int64_t y_stride) {
  constexpr int kPanels = tile_panels(kRows);
  for (; panels >= kPanels; panels -= kPanels, chunk.weights += kPanels * chunk.panel_stride, y += kPanels * kPanel) {
    multiply_tile<Number, kRows, kPanels>(chunk, y, y_stride);
  }
  for (; panels > 0; --panels, chunk.weights += chunk.panel_stride, y += kPanel) {
    multiply_tile<Number, kRows, 1>(chunk, y, y_stride);
  }
}

template <typename Number>
void multiply(const Activations& x, const Matrix& w, std::int64_t begin, std::int64_t end, float* y,
              std::int64_t y_stride) {
  const auto* weights = static_cast<const typename Number::Element*>(w.codes);
  const Tiles tiles(static_cast<int>(x.rows));
  const bool copies = tiles.count > 1;
  const std::int64_t group = copies ? kPanelGroup : tile_panels(tiles.rows);
  alignas(64) float inputs[Vec::kTileRows * kInputStride];
  for (std::int64_t panel = begin; panel < end; panel += group) {
    const std::int64_t panels = least(group, end - panel);
    for (std::int64_t k = 0; k < w.k; k += kFloatChunk) {
      for (int tile = 0; tile < tiles.count; ++tile) {
        const int row = tiles.begin(tile);
        Chunk<Number> chunk{weights + (panel * w.k + k) * kPanel, w.k * kPanel, x.values + row * w.k + k, w.k,
                            least(kFloatChunk, w.k - k), k == 0};
        if (copies) {
          copy_inputs(chunk.x, w.k, tiles.size(tile), chunk.size, inputs);
          chunk.x = inputs;
          chunk.x_stride = kInputStride;
        }
        with_rows(tiles.size(tile), [&]<int kRows>() {
          multiply_panels<Number, kRows>(chunk, panels, y + row * y_stride + panel * kPanel, y_stride);
        });
      }
    }
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
