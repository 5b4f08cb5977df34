// The two products of attention for a tile of queries (rows).
#pragma once

#include "vector/numbers.h"
#include "vector/tiles.h"

namespace sampan {
namespace {

// Scores of kRows queries and the positions of kBlocks blocks: scores[r * score_stride + b * kLanes + lane]. While it
// computes, it asks for the memory of the next blocks.
template <typename Number, int kRows, int kBlocks>
inline void score_tile(const float* const* queries, std::int64_t head_dim, const typename Number::Element* const* keys,
                       const typename Number::Element* const* next, float* scores, std::int64_t score_stride) {
  const float* q[kRows];
  _Pragma("GCC unroll 16")
  for (int r = 0; r < kRows; ++r) q[r] = queries[r];
  Vec sum[kRows][kBlocks];
  _Pragma("GCC unroll 16")
  for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16")
    for (int b = 0; b < kBlocks; ++b) sum[r][b] = zero();
  }
  for (std::int64_t d = 0; d < head_dim; ++d) {
    Vec k[kBlocks];
    _Pragma("GCC unroll 16")
    for (int b = 0; b < kBlocks; ++b) {
      __builtin_prefetch(next[b] + d * kLanes);
      k[b] = Number::load(keys[b] + d * kLanes);
    }
    _Pragma("GCC unroll 16")
    for (int r = 0; r < kRows; ++r) {
      const Vec query = broadcast(q[r][d]);
      _Pragma("GCC unroll 16")
      for (int b = 0; b < kBlocks; ++b) sum[r][b] = fma(query, k[b], sum[r][b]);
    }
  }
  _Pragma("GCC unroll 16")
  for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16")
    for (int b = 0; b < kBlocks; ++b) store(scores + r * score_stride + b * kLanes, sum[r][b]);
  }
}

// Adds the values of the positions begin ... end - 1 of one or two blocks, times weights[r * weight_stride + position],
// to the kRows rows of `sums`.
template <typename Number, int kRows>
inline void weigh_tile(const float* weights, std::int64_t weight_stride, int begin, int end, std::int64_t head_dim,
                       const typename Number::Element* const* values, const typename Number::Element* const* next,
                       float* sums, std::int64_t sum_stride) {
  constexpr int kColumns = tile_columns(kRows);
  for (std::int64_t d = 0; d < head_dim; d += kColumns * kLanes) {
    Vec sum[kRows][kColumns];
    _Pragma("GCC unroll 16")
    for (int r = 0; r < kRows; ++r) {
      _Pragma("GCC unroll 16")
      for (int c = 0; c < kColumns; ++c) sum[r][c] = load(sums + r * sum_stride + d + c * kLanes);
    }
    for (int b = begin / kLanes; b * kLanes < end; ++b) {
      const int first = b * kLanes;
      const int last = end < first + kLanes ? end : first + kLanes;
      for (int t = begin < first ? first : begin; t < last; ++t) {
        Vec v[kColumns];
        _Pragma("GCC unroll 16")
        for (int c = 0; c < kColumns; ++c) {
          const std::int64_t place = (t - first) * head_dim + d + c * kLanes;
          __builtin_prefetch(next[b] + place);
          v[c] = Number::load(values[b] + place);
        }
        _Pragma("GCC unroll 16")
        for (int r = 0; r < kRows; ++r) {
          const Vec weight = broadcast(weights[r * weight_stride + t]);
          _Pragma("GCC unroll 16")
          for (int c = 0; c < kColumns; ++c) sum[r][c] = fma(weight, v[c], sum[r][c]);
        }
      }
    }
    _Pragma("GCC unroll 16")
    for (int r = 0; r < kRows; ++r) {
      _Pragma("GCC unroll 16")
      for (int c = 0; c < kColumns; ++c) store(sums + r * sum_stride + d + c * kLanes, sum[r][c]);
    }
  }
}

}  // namespace
}  // namespace sampan
