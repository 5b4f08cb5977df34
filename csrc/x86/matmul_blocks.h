// The walk of the integer products over panels, groups and rows that the vector versions share.
//
//   for each block of panels        whose codes, over a block of groups, fit into the second-level cache
//     for each block of groups      in ascending order; the sums so far wait in y
//       for each tile of rows       its activations are made ready once and stay in the first-level cache
//         Kernel::tile, panel by panel
//
// A single tile, as when few streams decode, takes as many groups at a time as its activations leave room for, so that
// it reads the weights from memory in their order.
//
// A Kernel has
//   kTileRows, kTilePanels          the largest tile
//   kBlockGroups                    groups of a block where several tiles of rows share it
//   kSteps                          broadcasts of four bytes of activations that a group takes
//   kGroupBytes                     codes of a group of one panel
//   ready(codes, out)               lays out a group of activations of one row for broadcasting: kSteps values
//   start(sum)                      what an accumulator begins with, to take off what the offset of the codes adds
//   tile<rows, panels>(...)         the products
//
// Everything here has internal linkage; group_scale.h says why.
#pragma once

#include "sampan/matmul.h"

namespace {

using std::int32_t;
using std::int64_t;
using std::int8_t;
using std::uint16_t;
using std::uint8_t;

constexpr int64_t kBlockPanels = 16;
constexpr int64_t kCodesAhead = 2048;  // bytes that a single tile prefetches ahead of what it multiplies
constexpr int64_t kScalesAhead = 8;    // groups
constexpr int64_t kCacheLine = 64;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A tile's activations over a block of groups: [groups, rows, ...], so that a tile's loop reads them in their order.
template <typename Kernel>
struct TileRows {
  static constexpr int64_t kCapacity = 320;  // groups of all rows
  static_assert(Kernel::kTileRows * Kernel::kBlockGroups <= kCapacity);

  alignas(64) int32_t inputs[kCapacity * Kernel::kSteps];
  int32_t starts[kCapacity];
  float scales[kCapacity];

  void fill(const sampan::Activations& x, int64_t row_begin, int64_t rows, int64_t group, int64_t num_groups) {
    for (int64_t row = 0; row < rows; ++row) {
      int64_t from = (row_begin + row) * (x.k / sampan::kGroupSize) + group;
      for (int64_t to = row; to < num_groups * rows; to += rows, ++from) {
        Kernel::ready(x.codes + from * sampan::kGroupSize, inputs + to * Kernel::kSteps);
        starts[to] = Kernel::start(x.sums[from]);
        scales[to] = x.scales[from];
      }
    }
  }
};

// A tile's weights over a block of groups, and where the products go.
struct TileWeights {
  const uint8_t* codes;    // of the first panel
  const uint16_t* scales;  // likewise
  int64_t codes_stride;    // to the next panel
  int64_t scales_stride;
  int64_t num_groups;
  // Lines line_begin ... line_end - 1 of each group, counted from `ahead`, are fetched into the cache meanwhile.
  const uint8_t* ahead;
  int64_t line_begin, line_end;
  float* y;
  int64_t y_stride;
  bool first;  // nothing is in y yet
};

template <typename Kernel, int kPanels, int kRows = Kernel::kTileRows>
void tile_of(int64_t rows, const TileWeights& weights, const TileRows<Kernel>& inputs) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return tile_of<Kernel, kPanels, kRows - 1>(rows, weights, inputs);
  }
  Kernel::template tile<kRows, kPanels>(weights, inputs);
}

template <typename Kernel>
void multiply(const sampan::Activations& x, const sampan::Matrix& w, int64_t panel_begin, int64_t panel_end, float* y,
              int64_t y_stride) {
  if (x.rows == 0) return;
  const int64_t groups = w.k / sampan::kGroupSize;
  const int64_t tiles = divide_up(x.rows, Kernel::kTileRows);
  const int64_t largest_block = tiles > 1 ? Kernel::kBlockGroups : TileRows<Kernel>::kCapacity / x.rows;
  const int64_t blocks = divide_up(groups, largest_block);
  const int64_t block = blocks > 0 ? divide_up(groups, blocks) : 0;
  const auto codes_at = [&](int64_t panel, int64_t group) {
    return static_cast<const uint8_t*>(w.codes) + (panel * groups + group) * Kernel::kGroupBytes;
  };
  constexpr int64_t kLines = Kernel::kGroupBytes / kCacheLine;

  TileRows<Kernel> rows;
  for (int64_t panels = panel_begin; panels < panel_end; panels += kBlockPanels) {
    const int64_t panels_end = panels + kBlockPanels < panel_end ? panels + kBlockPanels : panel_end;
    for (int64_t group = 0; group < groups; group += block) {
      const int64_t group_end = group + block < groups ? group + block : groups;
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t row = tile * x.rows / tiles;
        const int64_t num_rows = (tile + 1) * x.rows / tiles - row;
        rows.fill(x, row, num_rows, group, group_end - group);
        for (int64_t panel = panels; panel < panels_end;) {
          const uint8_t* codes = codes_at(panel, group);
          const uint8_t* next = group_end < groups ? codes_at(panel, group_end) : codes_at(panel + kBlockPanels, 0);
          const TileWeights weights{
              .codes = codes,
              .scales = w.scales + (panel * groups + group) * sampan::kPanel,
              .codes_stride = groups * Kernel::kGroupBytes,
              .scales_stride = groups * sampan::kPanel,
              .num_groups = group_end - group,
              .ahead = tiles > 1 ? next : codes + kCodesAhead,
              .line_begin = kLines * tile / tiles,
              .line_end = kLines * (tile + 1) / tiles,
              .y = y + row * y_stride + panel * sampan::kPanel,
              .y_stride = y_stride,
              .first = group == 0,
          };
          if (panel + Kernel::kTilePanels <= panels_end) {
            tile_of<Kernel, Kernel::kTilePanels>(num_rows, weights, rows);
            panel += Kernel::kTilePanels;
          } else {
            tile_of<Kernel, 1>(num_rows, weights, rows);
            panel += 1;
          }
        }
      }
    }
  }
}

}  // namespace
