// The kernels of sampan/elementwise.h over sixteen lanes.
#pragma once

#include "sampan/elementwise.h"
#include "sampan/matmul.h"
#include "vector/exp.h"

namespace sampan {
namespace {

// Calls body(begin, count) for every sixteen of n elements; the last ones may be fewer.
template <typename Body>
inline void each_vec(std::int64_t n, Body body) {
  for (std::int64_t i = 0; i < n; i += kLanes) body(i, n - i < kLanes ? static_cast<int>(n - i) : kLanes);
}

void rms_norm(const float* x, const float* weight, float eps, std::int64_t n, float* out) {
  Vec squares = zero();
  each_vec(n, [&](std::int64_t i, int count) {
    const Vec v = load_first(x + i, count);
    squares = fma(v, v, squares);
  });
  const float mean = reduce_add(squares) / static_cast<float>(n);
  const Vec r = broadcast(1.0f / __builtin_sqrtf(mean + eps));
  each_vec(n, [&](std::int64_t i, int count) {
    store_first(out + i, load_first(x + i, count) * r * load_first(weight + i, count), count);
  });
}

void add(float* x, const float* y, std::int64_t n) {
  each_vec(n, [&](std::int64_t i, int count) {
    store_first(x + i, load_first(x + i, count) + load_first(y + i, count), count);
  });
}

void swiglu(const float* gate, const float* up, std::int64_t n, float* out) {
  each_vec(n, [&](std::int64_t i, int count) {
    const Vec g = load_first(gate + i, count);
    const Vec silu = g / (broadcast(1.0f) + exp(-g));
    store_first(out + i, silu * load_first(up + i, count), count);
  });
}

void rope(float* heads, std::int64_t num_heads, std::int64_t head_dim, const float* cos, const float* sin) {
  const std::int64_t half = head_dim / 2;
  for (float* head = heads; head < heads + num_heads * head_dim; head += head_dim) {
    for (std::int64_t i = 0; i < half; i += kLanes) {
      const Vec first = load(head + i);
      const Vec second = load(head + half + i);
      const Vec c = load(cos + i);
      const Vec s = load(sin + i);
      store(head + i, fma(-second, s, first * c));
      store(head + half + i, fma(first, s, second * c));
    }
  }
}

// A row of elements that load_vec reads sixteen at a time; none is read behind the end.
template <typename Element, Vec (*load_vec)(const Element*)>
inline void embed_row(const void* row, std::int64_t n, float* out) {
  const auto* elements = static_cast<const Element*>(row);
  each_vec(n, [&](std::int64_t i, int count) {
    if (count == kLanes) return store(out + i, load_vec(elements + i));
    Element rest[kLanes] = {};
    for (int j = 0; j < count; ++j) rest[j] = elements[i + j];
    store_first(out + i, load_vec(rest), count);
  });
}

inline void embed_int8(const void* row, const std::uint16_t* scales, std::int64_t n, float* out) {
  const auto* codes = static_cast<const std::int8_t*>(row);
  for (std::int64_t i = 0; i < n; i += kLanes) {
    store(out + i, load_s8(codes + i) * broadcast_fp16(scales + i / kGroupSize));
  }
}

void embed(EmbeddingFormat format, const void* row, const std::uint16_t* scales, std::int64_t n, float* out) {
  switch (format) {
    case EmbeddingFormat::fp32:
      return embed_row<float, load>(row, n, out);
    case EmbeddingFormat::fp16:
      return embed_row<std::uint16_t, load_fp16>(row, n, out);
    case EmbeddingFormat::bf16:
      return embed_row<std::uint16_t, load_bf16>(row, n, out);
    case EmbeddingFormat::int8:
      return embed_int8(row, scales, n, out);
  }
}

}  // namespace
}  // namespace sampan
