// The kernels of sampan/attention.h over sixteen lanes.
//
// The queries of a call, token by token and head by head, are rows. They are worked on in groups whose scores fit on the
// stack (50 KB), and a group in tiles whose sums fit into registers. The tiles take two blocks of the cache at a time, so
// that a block comes from memory once for all rows of a group.
#pragma once

#include "vector/attention_tile.h"
#include "vector/exp.h"
#include "vector/kv_cache.h"

namespace sampan {
namespace {

constexpr std::int64_t kSegmentBlocks = kSegment / kBlock;
constexpr int kGroupRows = 24;
constexpr std::int64_t kScoreStride = kSegment + kBlock;  // no power of two, or rows would fall on the same cache sets

// Rows of one group. They stand in the order of their tokens, so `positions` ascends.
struct Rows {
  int count;
  const float* queries[kGroupRows];
  int positions[kGroupRows];  // that the row attends to in this segment
  float* partials;            // of row 0
  std::int64_t partial_stride;
  float* scores;              // [count, kScoreStride]; later the weights

  int num_blocks() const { return (positions[count - 1] + kLanes - 1) / kLanes; }
};

// The blocks of one segment, and of those the keys or the values.
template <typename Element>
struct Blocks {
  const KvLayer& cache;
  void* elements;
  const std::int32_t* table;
  std::int64_t kv_head;

  const Element* operator[](std::int64_t b) const { return block_of<Element>(elements, cache, table[b], kv_head); }
};

// Two blocks, or the last one, and where those are that come next.
template <typename Element>
struct Pair {
  int first;  // index of the block in the segment
  int count;
  const Element* here[2];
  const Element* next[2];
};

// Calls body(pair) for the blocks 0 ... count - 1. Behind the last ones, `following` is what will be read next.
template <typename Element, typename Body>
inline void each_pair(const Blocks<Element>& blocks, int count, const Blocks<Element>& following, Body body) {
  for (int b = 0; b < count; b += 2) {
    Pair<Element> pair{b, count - b < 2 ? 1 : 2, {}, {}};
    for (int i = 0; i < pair.count; ++i) {
      pair.here[i] = blocks[b + i];
      pair.next[i] = b + 2 + i < count ? blocks[b + 2 + i] : following[i];
    }
    body(pair);
  }
}

template <typename Number>
void score_segment(const Rows& rows, const Blocks<typename Number::Element>& keys,
                   const Blocks<typename Number::Element>& values, std::int64_t head_dim) {
  const Tiles tiles(rows.count);
  each_pair(keys, rows.num_blocks(), values, [&](const auto& pair) {
    for (int tile = 0; tile < tiles.count; ++tile) {
      const int begin = tiles.begin(tile);
      const float* const* queries = rows.queries + begin;
      float* scores = rows.scores + begin * kScoreStride + pair.first * kBlock;
      with_rows(tiles.size(tile), [&]<int kRows>() {
        if (pair.count == tile_columns(kRows)) {
          score_tile<Number, kRows, tile_columns(kRows)>(queries, head_dim, pair.here, pair.next, scores, kScoreStride);
          return;
        }
        for (int b = 0; b < pair.count; ++b) {
          score_tile<Number, kRows, 1>(queries, head_dim, pair.here + b, pair.next + b, scores + b * kBlock,
                                       kScoreStride);
        }
      });
    }
  });
}

// Turns the scores of one row into weights, and writes its m and l. Scales: those of each block, or nullptr.
inline void softmax_row(float* scores, int count, const float* const* key_scales, const float* const* value_scales,
                        float* partial) {
  const int num_blocks = (count + kLanes - 1) / kLanes;
  const Mask last = first_lanes(count - (num_blocks - 1) * kLanes);
  const Vec lowest = broadcast(-__builtin_inff());
  Vec highest = lowest;
  for (int b = 0; b < num_blocks; ++b) {
    Vec s = load(scores + b * kLanes);
    if (key_scales != nullptr) s = s * load(key_scales[b]);
    if (b == num_blocks - 1) s = select(last, s, lowest);
    store(scores + b * kLanes, s);
    highest = max(s, highest);
  }
  const float m = reduce_max(highest);
  Vec sum = zero();
  for (int b = 0; b < num_blocks; ++b) {
    Vec p = exp(load(scores + b * kLanes) - broadcast(m));
    if (b == num_blocks - 1) p = select(last, p, zero());
    sum = sum + p;
    if (value_scales != nullptr) p = p * load(value_scales[b]);
    store(scores + b * kLanes, p);
  }
  const float l = reduce_add(sum);
  partial[0] = l == l ? m : l;
  partial[1] = l;
}

// Adds the values of one or two blocks to the rows of one tile.
template <typename Number>
inline void weigh_pair(const Rows& rows, int begin, int size, std::int64_t head_dim,
                       const Pair<typename Number::Element>& pair) {
  const auto weigh = [&]<int kRows>(int row, int from, int to) {
    weigh_tile<Number, kRows>(rows.scores + row * kScoreStride + pair.first * kBlock, kScoreStride, from, to, head_dim,
                              pair.here, pair.next, rows.partials + row * rows.partial_stride + kBlock,
                              rows.partial_stride);
  };
  const auto positions_here = [&](int row) {
    const int count = rows.positions[row] - pair.first * kLanes;
    const int all = pair.count * kLanes;
    return count < 0 ? 0 : count < all ? count : all;
  };
  // What all rows of the tile see, together; the rest, up to a row's own position, row by row.
  const int shared = positions_here(begin);
  if (shared > 0) with_rows(size, [&]<int kRows>() { weigh.template operator()<kRows>(begin, 0, shared); });
  for (int row = begin + 1; row < begin + size; ++row) {
    const int own = positions_here(row);
    if (own > shared) weigh.template operator()<1>(row, shared, own);
  }
}

template <typename Number>
void weigh_segment(const Rows& rows, const Blocks<typename Number::Element>& values, std::int64_t head_dim) {
  for (int row = 0; row < rows.count; ++row) {
    float* sums = rows.partials + row * rows.partial_stride + kBlock;
    for (std::int64_t d = 0; d < head_dim; d += kLanes) store(sums + d, zero());
  }
  const Tiles tiles(rows.count);
  each_pair(values, rows.num_blocks(), values, [&](const auto& pair) {
    for (int tile = 0; tile < tiles.count; ++tile) {
      weigh_pair<Number>(rows, tiles.begin(tile), tiles.size(tile), head_dim, pair);
    }
  });
}

template <typename Number>
void attend_rows(const KvLayer& cache, const Rows& rows, const std::int32_t* table, std::int64_t kv_head) {
  using Element = typename Number::Element;
  const Blocks<Element> keys{cache, cache.keys, table, kv_head};
  const Blocks<Element> values{cache, cache.values, table, kv_head};
  score_segment<Number>(rows, keys, values, cache.head_dim);

  const bool scaled = cache.format == KvFormat::int8;
  const float* key_scales[kSegmentBlocks];
  const float* value_scales[kSegmentBlocks];
  for (int b = 0; scaled && b < rows.num_blocks(); ++b) {
    key_scales[b] = scales_of(cache.key_scales, cache, table[b], kv_head);
    value_scales[b] = scales_of(cache.value_scales, cache, table[b], kv_head);
  }
  for (int row = 0; row < rows.count; ++row) {
    softmax_row(rows.scores + row * kScoreStride, rows.positions[row], scaled ? key_scales : nullptr,
                scaled ? value_scales : nullptr, rows.partials + row * rows.partial_stride);
  }
  weigh_segment<Number>(rows, values, cache.head_dim);
}

void attend_segment(const KvLayer& cache, const Queries& queries, std::int64_t segment, float* partials) {
  alignas(64) float scores[kGroupRows * kScoreStride];
  const std::int64_t num_rows = queries.num_tokens * queries.num_heads;
  const std::int64_t partial_stride = partial_size(cache.head_dim);
  const std::int32_t* table = queries.block_table + segment * kSegmentBlocks;

  // Rows of tokens that lie before the segment.
  const std::int64_t tokens_before = segment * kSegment - queries.first_position;
  std::int64_t row = tokens_before <= 0 ? 0 : tokens_before * queries.num_heads;
  if (row > num_rows) row = num_rows;
  for (float* partial = partials; partial < partials + row * partial_stride; partial += partial_stride) {
    for (std::int64_t i = 0; i < partial_stride; ++i) partial[i] = 0.0f;
    partial[0] = -__builtin_inff();
  }

  while (row < num_rows) {
    Rows rows;
    rows.count = num_rows - row < kGroupRows ? static_cast<int>(num_rows - row) : kGroupRows;
    rows.partials = partials + row * partial_stride;
    rows.partial_stride = partial_stride;
    rows.scores = scores;
    for (int i = 0; i < rows.count; ++i, ++row) {
      const std::int64_t token = row / queries.num_heads;
      const std::int64_t head = row % queries.num_heads;
      const std::int64_t positions = queries.first_position + token + 1 - segment * kSegment;
      rows.queries[i] = queries.q + token * queries.stride + head * cache.head_dim;
      rows.positions[i] = static_cast<int>(positions < kSegment ? positions : kSegment);
    }
    switch (cache.format) {
      case KvFormat::fp32:
        attend_rows<Fp32>(cache, rows, table, queries.kv_head);
        break;
      case KvFormat::bf16:
        attend_rows<Bf16>(cache, rows, table, queries.kv_head);
        break;
      case KvFormat::fp16:
        attend_rows<Fp16>(cache, rows, table, queries.kv_head);
        break;
      case KvFormat::int8:
        attend_rows<Int8>(cache, rows, table, queries.kv_head);
        break;
    }
  }
}

void fold_partials(float* partials, const float* next, std::int64_t count, std::int64_t head_dim) {
  const std::int64_t stride = partial_size(head_dim);
  for (std::int64_t i = 0; i < count; ++i, partials += stride, next += stride) {
    if (next[0] == -__builtin_inff()) continue;
    const float m = partials[0] > next[0] ? partials[0] : next[0];
    const Vec a = exp(broadcast(partials[0] - m));
    const Vec b = exp(broadcast(next[0] - m));
    partials[0] = m;
    store_first(partials + 1, fma(broadcast(partials[1]), a, broadcast(next[1]) * b), 1);
    for (std::int64_t d = kBlock; d < stride; d += kLanes) {
      store(partials + d, fma(load(partials + d), a, load(next + d) * b));
    }
  }
}

void finish_partials(const float* partials, std::int64_t count, std::int64_t head_dim, float* out) {
  for (std::int64_t i = 0; i < count; ++i, partials += partial_size(head_dim), out += head_dim) {
    const Vec l = broadcast(partials[1]);
    for (std::int64_t d = 0; d < head_dim; d += kLanes) store(out + d, load(partials + kBlock + d) / l);
  }
}

}  // namespace
}  // namespace sampan
