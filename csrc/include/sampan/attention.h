// Attention over a paged KV cache.
//
// A block holds kBlock consecutive positions of one request. Keys lie with the positions side by side, so that sixteen
// scores are computed at once without a horizontal sum; values lie row by row:
//
//   keys    [num_blocks, num_kv_heads, head_dim, kBlock]     fp32, bf16, fp16 or int8
//   values  [num_blocks, num_kv_heads, kBlock, head_dim]     the same
//   key_scales, value_scales  fp32 [num_blocks, num_kv_heads, kBlock]    int8 only: element is about code * scale
//
// From one block to the next it may be further than that: a decoder keeps what a block holds for all layers together.
//
// The context is cut at absolute positions into segments of kSegment. A query attends to each segment by itself and the
// results are folded in ascending order, so that its result depends on its own position alone: not on the chunk it came
// in, nor on how many threads shared the segments.
//
//   segment   s_t = dot(q, k_t) (fma over head_dim ascending, from 0), times the token's key scale where there is one;
//             m = max s_t, p_t = exp(s_t - m), l = sum of p_t in sixteen lanes (lane = position % 16) and the tree of
//             elementwise.h, acc[d] = fma over t ascending of (p_t times the token's value scale) and v_t[d].
//             Positions behind the query's own take no part. The query is scaled by head_dim^-0.5 beforehand. Where l
//             is NaN (a score is NaN or +Inf, or all are -Inf), so is m, and no fold can lose the fault.
//   fold      M = max(m, m'), a = exp(m - M), b = exp(m' - M), l = fma(l, a, l' * b), acc[d] = fma(acc[d], a, acc'[d] * b)
//   finish    out[d] = acc[d] / l
//
// (The running softmax of arXiv:1805.02867, and the split over the context of Flash-Decoding.)
#pragma once

#include <cstdint>

namespace sampan {

inline constexpr std::int64_t kBlock = 16;
inline constexpr std::int64_t kSegment = 512;

enum class KvFormat { fp32, bf16, fp16, int8 };

// One layer's cache.
struct KvLayer {
  KvFormat format;
  std::int64_t num_kv_heads;
  std::int64_t head_dim;  // a multiple of 32, at most kMaxHeadDim
  void* keys;
  void* values;
  float* key_scales;
  float* value_scales;
  std::int64_t block_stride;  // bytes from a block's keys to the next block's, and from its values
  std::int64_t scale_stride;  // floats from a block's scales to the next block's
};

inline constexpr std::int64_t kMaxHeadDim = 256;

// Writes one token's keys and values, fp32 [num_kv_heads, head_dim], to `offset` of `block`. bf16 and fp16 round to nearest
// even; int8 takes absmax / 127 of the head as scale (codes 0 and scale 0 below kQuantizeMin; NaN or Inf: scale NaN).
using StoreKv = void(const KvLayer& cache, std::int64_t block, std::int64_t offset, const float* keys,
                     const float* values);

// Consecutive tokens of one request and the query heads that share one KV head.
struct Queries {
  const float* q;                  // query t, head h at q + t * stride + h * head_dim; already scaled
  std::int64_t stride;
  std::int64_t num_tokens;         // at most kMaxQueryTokens
  std::int64_t num_heads;          // query heads of this KV head
  std::int64_t first_position;     // of token 0
  std::int64_t kv_head;
  const std::int32_t* block_table;
};

inline constexpr std::int64_t kMaxQueryTokens = 16;

// State of one query: m, l and acc[head_dim]; partials are [num_tokens, num_heads, partial_size(head_dim)] floats.
constexpr std::int64_t partial_size(std::int64_t head_dim) { return head_dim + kBlock; }  // keeps acc aligned: m, l, padding, acc

// Attends to the segment `segment` (positions segment * kSegment ...), for every token that has a position in it. A token
// that lies wholly before the segment gets m = -inf, l = 0, acc = 0.
using AttendSegment = void(const KvLayer& cache, const Queries& queries, std::int64_t segment, float* partials);

// Folds `next`, of a later segment, into `partials`; both of `count` queries. A next of m = -inf changes no bit.
using FoldPartials = void(float* partials, const float* next, std::int64_t count, std::int64_t head_dim);

// out [count, head_dim] = acc / l
using FinishPartials = void(const float* partials, std::int64_t count, std::int64_t head_dim, float* out);

struct AttentionKernels {
  StoreKv* store_kv;
  AttendSegment* attend_segment;
  FoldPartials* fold_partials;
  FinishPartials* finish_partials;
};

namespace generic {
extern const AttentionKernels attention_kernels;
}
namespace avx2 {
extern const AttentionKernels attention_kernels;
}
namespace avx512 {
extern const AttentionKernels attention_kernels;
}

}  // namespace sampan
