// Products of a few rows at once, whose sums stay in registers.
#pragma once

#ifndef SAMPAN_VEC_H
#error "include generic/vec.h, x86/vec_avx2.h or x86/vec_avx512.h first"
#endif

namespace sampan {
namespace {

// Few rows take two columns, so that enough chains of fma are under way to hide their latency.
constexpr int tile_columns(int rows) { return rows <= Vec::kWideTileRows ? 2 : 1; }

// Calls body<rows>(): the number of rows, 1 ... Vec::kTileRows, as a constant.
template <int kRows = Vec::kTileRows, typename Body>
inline void with_rows(int rows, Body body) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return with_rows<kRows - 1>(rows, body);
  }
  body.template operator()<kRows>();
}

// Rows in tiles of about equal size.
struct Tiles {
  explicit Tiles(int num_rows) : rows(num_rows), count((num_rows + Vec::kTileRows - 1) / Vec::kTileRows) {}

  int begin(int tile) const { return rows * tile / count; }
  int size(int tile) const { return begin(tile + 1) - begin(tile); }

  int rows;
  int count;
};

}  // namespace
}  // namespace sampan
