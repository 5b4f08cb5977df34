// The places of the KV cache's elements, and how a token is written to it.
#pragma once

#include "sampan/attention.h"
#include "sampan/matmul.h"
#include "vector/numbers.h"

namespace sampan {
namespace {

// The keys or the values of one block and KV head: kBlock * head_dim elements.
template <typename Element>
inline Element* block_of(void* elements, const KvLayer& cache, std::int64_t block, std::int64_t kv_head) {
  char* const here = static_cast<char*>(elements) + block * cache.block_stride;
  return reinterpret_cast<Element*>(here) + kv_head * cache.head_dim * kBlock;
}

inline float* scales_of(float* scales, const KvLayer& cache, std::int64_t block, std::int64_t kv_head) {
  return scales + block * cache.scale_stride + kv_head * kBlock;
}

struct HeadScale {
  float scale;
  float inverse;  // 0: all codes are 0
};

inline HeadScale scale_of_head(const float* head, std::int64_t head_dim) {
  Vec absmax = zero();
  Vec fault = zero();  // 0 times Inf or NaN is NaN
  for (std::int64_t d = 0; d < head_dim; d += kLanes) {
    const Vec v = load(head + d);
    absmax = max(absmax, abs(v));
    fault = fma(v, zero(), fault);
  }
  if (reduce_add(fault) != 0.0f) return {__builtin_nanf(""), 0.0f};
  const float largest = reduce_max(absmax);
  if (largest < kQuantizeMin) return {0.0f, 0.0f};
  return {largest / 127.0f, 127.0f / largest};
}

// Writes a head as it is, or scaled where it has a scale.
template <typename Number>
inline void store_head(const float* head, const HeadScale* scale, std::int64_t head_dim, typename Number::Element* out) {
  for (std::int64_t d = 0; d < head_dim; d += kLanes) {
    const Vec v = load(head + d);
    if (scale == nullptr) {
      Number::store(out + d, v);
    } else {
      Number::store(out + d, scale->inverse == 0.0f ? zero() : v * broadcast(scale->inverse));
    }
  }
}

template <typename Number>
void store_token(const KvLayer& cache, std::int64_t block, std::int64_t offset, const float* keys,
                 const float* values) {
  using Element = typename Number::Element;
  const std::int64_t head_dim = cache.head_dim;
  for (std::int64_t h = 0; h < cache.num_kv_heads; ++h) {
    HeadScale key_scale, value_scale;
    const bool scaled = cache.format == KvFormat::int8;
    if (scaled) {
      key_scale = scale_of_head(keys + h * head_dim, head_dim);
      value_scale = scale_of_head(values + h * head_dim, head_dim);
      scales_of(cache.key_scales, cache, block, h)[offset] = key_scale.scale;
      scales_of(cache.value_scales, cache, block, h)[offset] = value_scale.scale;
    }
    Element row[kMaxHeadDim];
    store_head<Number>(keys + h * head_dim, scaled ? &key_scale : nullptr, head_dim, row);
    Element* column = block_of<Element>(cache.keys, cache, block, h) + offset;
    for (std::int64_t d = 0; d < head_dim; ++d) column[d * kBlock] = row[d];
    store_head<Number>(values + h * head_dim, scaled ? &value_scale : nullptr, head_dim,
                   block_of<Element>(cache.values, cache, block, h) + offset * head_dim);
  }
}

void store_kv(const KvLayer& cache, std::int64_t block, std::int64_t offset, const float* keys, const float* values) {
  switch (cache.format) {
    case KvFormat::fp32:
      return store_token<Fp32>(cache, block, offset, keys, values);
    case KvFormat::bf16:
      return store_token<Bf16>(cache, block, offset, keys, values);
    case KvFormat::fp16:
      return store_token<Fp16>(cache, block, offset, keys, values);
    case KvFormat::int8:
      return store_token<Int8>(cache, block, offset, keys, values);
  }
}

}  // namespace
}  // namespace sampan
