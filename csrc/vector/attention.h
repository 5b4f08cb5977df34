// The kernels of sampan/attention.h over sixteen lanes.
//
// The queries of a call, token by token and head by head, are rows. They are worked on in groups whose scores fit on the
// stack (kGroupRows * 2 KB), and a group in tiles whose sums fit into registers. Where a group has several tiles, a block
// of the cache is widened to fp32 once for all of them; a single tile, as in decoding, reads the cache itself.
#pragma once

#include "vector/attention_tile.h"
#include "vector/exp.h"
#include "vector/kv_cache.h"

namespace sampan {
namespace {

constexpr std::int64_t kSegmentBlocks = kSegment / kBlock;
constexpr int kGroupRows = 24;
constexpr std::int64_t kWidened = 4096;                     // floats: one block of the largest head, or more of smaller
constexpr std::int64_t kScoreStride = kSegment + kBlock;    // not a power of two, or rows would share cache lines' places

// Rows of one group. They stand in the order of their tokens, so `counts` ascends.
struct Rows {
  int count;
  const float* queries[kGroupRows];
  int positions[kGroupRows];  // that the row attends to in this segment
  float* partials;            // of row 0
  std::int64_t partial_stride;
  float* scores;              // [count, kScoreStride]; later the weights
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

// Scores of the rows of one tile and `num_blocks` blocks, one or two.
template <typename Number>
inline void score_rows(const Rows& rows, int begin, int size, std::int64_t head_dim, int num_blocks,
                       const typename Number::Element* const* keys, const typename Number::Element* const* next, float* scores) {
  with_rows(size, [&]<int kRows>() {
    float* out = scores + begin * kScoreStride;
    if (tile_columns(kRows) == 2 && num_blocks == 2) {
      return score_tile<Number, kRows, tile_columns(kRows)>(rows.queries + begin, head_dim, keys, next, out, kScoreStride);
    }
    for (int b = 0; b < num_blocks; ++b) {
      score_tile<Number, kRows, 1>(rows.queries + begin, head_dim, keys + b, next + b, out + b * kBlock, kScoreStride);
    }
  });
}

template <typename Number>
void score_segment(const Rows& rows, const Blocks<typename Number::Element>& keys,
                   const Blocks<typename Number::Element>& values, std::int64_t head_dim, float* widened) {
  using Element = typename Number::Element;
  const Tiles tiles(rows.count);
  const int num_blocks = (rows.positions[rows.count - 1] + kBlock - 1) / kBlock;
  const int step = tile_columns(tiles.largest()) == 2 && 2 * head_dim * kBlock <= kWidened ? 2 : 1;
  for (int b = 0; b < num_blocks; b += step) {
    const int size = num_blocks - b < step ? 1 : step;
    const Element* here[2];
    const Element* next[2];  // behind the last keys the first values
    for (int i = 0; i < size; ++i) {
      here[i] = keys[b + i];
      next[i] = b + step + i < num_blocks ? keys[b + step + i] : values[i < num_blocks ? i : 0];
    }
    float* scores = rows.scores + b * kBlock;
    if (tiles.count == 1) {
      score_rows<Number>(rows, 0, rows.count, head_dim, size, here, next, scores);
      continue;
    }
    const float* wide[2];
    for (int i = 0; i < size; ++i) {
      widen<Number>(here[i], head_dim * kBlock, next[i], widened + i * head_dim * kBlock);
      wide[i] = widened + i * head_dim * kBlock;
    }
    for (int tile = 0; tile < tiles.count; ++tile) {
      score_rows<Fp32>(rows, tiles.begin(tile), tiles.size(tile), head_dim, size, wide, wide, scores);
    }
  }
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

// Adds one block's values to the rows of one tile.
template <typename Number>
inline void weigh_rows(const Rows& rows, int begin, int size, std::int64_t head_dim, int block,
                       const typename Number::Element* values, const typename Number::Element* next) {
  const auto weigh = [&]<int kRows>(int row, int from, int to) {
    weigh_tile<Number, kRows>(rows.scores + row * kScoreStride + block * kBlock, kScoreStride, from, to, head_dim, values,
                          next, rows.partials + row * rows.partial_stride + kBlock, rows.partial_stride);
  };
  const auto positions_here = [&](int row) {
    const int count = rows.positions[row] - block * static_cast<int>(kBlock);
    return count < 0 ? 0 : count < kBlock ? count : static_cast<int>(kBlock);
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
void weigh_segment(const Rows& rows, const Blocks<typename Number::Element>& values, std::int64_t head_dim,
                   float* widened) {
  using Element = typename Number::Element;
  for (int row = 0; row < rows.count; ++row) {
    float* sums = rows.partials + row * rows.partial_stride + kBlock;
    for (std::int64_t d = 0; d < head_dim; d += kLanes) store(sums + d, zero());
  }
  const Tiles tiles(rows.count);
  const int num_blocks = (rows.positions[rows.count - 1] + kBlock - 1) / kBlock;
  for (int b = 0; b < num_blocks; ++b) {
    const Element* here = values[b];
    const Element* next = values[b + 1 < num_blocks ? b + 1 : b];
    if (tiles.count == 1) {
      weigh_rows<Number>(rows, 0, rows.count, head_dim, b, here, next);
      continue;
    }
    widen<Number>(here, head_dim * kBlock, next, widened);
    for (int tile = 0; tile < tiles.count; ++tile) {
      weigh_rows<Fp32>(rows, tiles.begin(tile), tiles.size(tile), head_dim, b, widened, widened);
    }
  }
}

template <typename Number>
void attend_rows(const KvLayer& cache, const Rows& rows, const std::int32_t* table, std::int64_t kv_head) {
  using Element = typename Number::Element;
  alignas(64) float widened[kWidened];
  const Blocks<Element> keys{cache, cache.keys, table, kv_head};
  const Blocks<Element> values{cache, cache.values, table, kv_head};
  score_segment<Number>(rows, keys, values, cache.head_dim, widened);

  const bool scaled = cache.format == KvFormat::int8;
  const float* key_scales[kSegmentBlocks];
  const float* value_scales[kSegmentBlocks];
  for (std::int64_t b = 0; scaled && b * kBlock < rows.positions[rows.count - 1]; ++b) {
    key_scales[b] = scales_of(cache.key_scales, cache, table[b], kv_head);
    value_scales[b] = scales_of(cache.value_scales, cache, table[b], kv_head);
  }
  for (int row = 0; row < rows.count; ++row) {
    softmax_row(rows.scores + row * kScoreStride, rows.positions[row], scaled ? key_scales : nullptr,
                scaled ? value_scales : nullptr, rows.partials + row * rows.partial_stride);
  }
  weigh_segment<Number>(rows, values, cache.head_dim, widened);
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
