#include <algorithm>
#include <stdexcept>
#include <vector>

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

using Cache = nb::ndarray<nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Scales = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <typename T, int dimensions>
using Tensor = nb::ndarray<T, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* otherwise) {
  if (!holds) throw std::invalid_argument(otherwise);
}

// A layer's cache and the number of its blocks, whose arrays have been checked.
struct CheckedCache {
  CheckedCache(const Cache& keys, const Cache& values, const std::optional<Scales>& key_scales,
               const std::optional<Scales>& value_scales)
      : num_blocks(static_cast<std::int64_t>(keys.shape(0))) {
    const auto heads = static_cast<std::int64_t>(keys.shape(1));
    const auto head_dim = static_cast<std::int64_t>(keys.shape(2));
    layer = {format_of(keys.dtype()), heads, head_dim, keys.data(), values.data(), nullptr, nullptr, 0, heads * kBlock};
    layer.block_stride = heads * head_dim * kBlock * static_cast<std::int64_t>(keys.itemsize());
    require(head_dim % 32 == 0 && 0 < head_dim && head_dim <= kMaxHeadDim, "head_dim must be 32, 64, ... 256");
    require(keys.shape(3) == kBlock, "keys must be [num_blocks, num_kv_heads, head_dim, 16]");
    require(values.dtype() == keys.dtype() && values.shape(0) == keys.shape(0) && values.shape(1) == keys.shape(1) &&
                values.shape(2) == kBlock && values.shape(3) == keys.shape(2),
            "values must be [num_blocks, num_kv_heads, 16, head_dim], of keys' type");
    if (layer.format != KvFormat::int8) return;
    const auto fits = [&](const std::optional<Scales>& scales) {
      return scales && scales->shape(0) == keys.shape(0) && scales->shape(1) == keys.shape(1) &&
             scales->shape(2) == kBlock;
    };
    require(fits(key_scales) && fits(value_scales), "int8 needs scales [num_blocks, num_kv_heads, 16]");
    layer.key_scales = key_scales->data();
    layer.value_scales = value_scales->data();
  }

  static KvFormat format_of(nb::dlpack::dtype dtype) {
    constexpr nb::dlpack::dtype kHalf{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
    if (dtype == nb::dtype<float>()) return KvFormat::fp32;
    if (dtype == nb::dtype<std::uint16_t>()) return KvFormat::bf16;
    if (dtype == kHalf) return KvFormat::fp16;
    require(dtype == nb::dtype<std::int8_t>(), "keys must be float32, float16, uint16 (bf16) or int8");
    return KvFormat::int8;
  }

  void require_blocks(const std::int32_t* table, std::int64_t count) const {
    require(std::all_of(table, table + count, [this](std::int32_t block) { return 0 <= block && block < num_blocks; }),
            "a block table names a block that the cache has not");
  }

  KvLayer layer;
  std::int64_t num_blocks;
};

void store_kv(Cache keys, Cache values, std::optional<Scales> key_scales, std::optional<Scales> value_scales,
              std::int64_t block, std::int64_t offset, Matrix2<const float> k, Matrix2<const float> v,
              const std::optional<std::string>& isa) {
  const CheckedCache cache(keys, values, key_scales, value_scales);
  require(0 <= block && block < cache.num_blocks && 0 <= offset && offset < kBlock, "no such slot");
  for (const auto& token : {k, v}) {
    require(token.shape(0) == keys.shape(1) && token.shape(1) == keys.shape(2), "k and v must be [num_kv_heads, head_dim]");
  }
  const AttentionKernels& table = *kernels_of(isa).attention;
  const nb::gil_scoped_release nogil;
  table.store_kv(cache.layer, block, offset, k.data(), v.data());
}

void attend_segment(Cache keys, Cache values, std::optional<Scales> key_scales, std::optional<Scales> value_scales,
                    Tensor<const float, 3> q, std::int64_t first_position, std::int64_t kv_head,
                    Vector<const std::int32_t> block_table, std::int64_t segment, Tensor<float, 3> partials,
                    const std::optional<std::string>& isa) {
  const CheckedCache cache(keys, values, key_scales, value_scales);
  const auto num_tokens = static_cast<std::int64_t>(q.shape(0));
  const auto num_heads = static_cast<std::int64_t>(q.shape(1));
  const std::int64_t head_dim = cache.layer.head_dim;
  require(0 < num_tokens && num_tokens <= kMaxQueryTokens && num_heads > 0, "q must hold 1 ... 16 tokens");
  require(static_cast<std::int64_t>(q.shape(2)) == head_dim, "q must be [num_tokens, num_heads, head_dim]");
  require(partials.shape(0) == q.shape(0) && partials.shape(1) == q.shape(1) &&
              static_cast<std::int64_t>(partials.shape(2)) == partial_size(head_dim),
          "partials must be [num_tokens, num_heads, head_dim + 16]");
  require(0 <= kv_head && kv_head < cache.layer.num_kv_heads && 0 <= first_position && 0 <= segment, "no such place");
  const auto blocks = static_cast<std::int64_t>(block_table.size());
  require(first_position + num_tokens <= blocks * kBlock, "the block table must reach the last token");
  cache.require_blocks(block_table.data(), blocks);
  const Queries queries{q.data(), num_heads * head_dim, num_tokens, num_heads, first_position, kv_head,
                        block_table.data()};
  const AttentionKernels& table = *kernels_of(isa).attention;
  const nb::gil_scoped_release nogil;
  table.attend_segment(cache.layer, queries, segment, partials.data());
}

void fold_partials(Matrix2<float> partials, Matrix2<const float> next, const std::optional<std::string>& isa) {
  require(partials.shape(0) == next.shape(0) && partials.shape(1) == next.shape(1), "next must have partials' shape");
  require(partials.shape(1) > kBlock && partials.shape(1) % kBlock == 0, "partials must be [count, head_dim + 16]");
  const AttentionKernels& table = *kernels_of(isa).attention;
  const nb::gil_scoped_release nogil;
  table.fold_partials(partials.data(), next.data(), static_cast<std::int64_t>(partials.shape(0)),
                      static_cast<std::int64_t>(partials.shape(1)) - kBlock);
}

void finish_partials(Matrix2<const float> partials, Matrix2<float> out, const std::optional<std::string>& isa) {
  require(out.shape(0) == partials.shape(0) && out.shape(1) % kBlock == 0 &&
              partial_size(static_cast<std::int64_t>(out.shape(1))) == static_cast<std::int64_t>(partials.shape(1)),
          "partials must be [count, head_dim + 16] and out [count, head_dim]");
  const AttentionKernels& table = *kernels_of(isa).attention;
  const nb::gil_scoped_release nogil;
  table.finish_partials(partials.data(), static_cast<std::int64_t>(out.shape(0)),
                        static_cast<std::int64_t>(out.shape(1)), out.data());
}

// The attention of whole requests on the calling thread, as a step does it: q and out [requests, num_tokens,
// num_heads, head_dim], any number of tokens.
void attend(Cache keys, Cache values, std::optional<Scales> key_scales, std::optional<Scales> value_scales,
            Tensor<const float, 4> q, Vector<const std::int64_t> first_positions,
            Matrix2<const std::int32_t> block_tables, Tensor<float, 4> out, const std::optional<std::string>& isa) {
  const CheckedCache cache(keys, values, key_scales, value_scales);
  const KvLayer& layer = cache.layer;
  const auto requests = static_cast<std::int64_t>(q.shape(0));
  const auto tokens = static_cast<std::int64_t>(q.shape(1));
  const auto heads = static_cast<std::int64_t>(q.shape(2));
  const auto blocks = static_cast<std::int64_t>(block_tables.shape(1));
  require(tokens > 0 && heads > 0 && heads % layer.num_kv_heads == 0, "heads must be a multiple of num_kv_heads");
  require(static_cast<std::int64_t>(q.shape(3)) == layer.head_dim, "q must have the cache's head_dim");
  require(std::equal(q.shape_ptr(), q.shape_ptr() + 4, out.shape_ptr()), "out must have q's shape");
  require(first_positions.size() == q.shape(0) && block_tables.shape(0) == q.shape(0),
          "first_positions and block_tables must have one row for each request");
  for (std::int64_t r = 0; r < requests; ++r) {
    require(0 <= first_positions(r) && first_positions(r) + tokens <= blocks * kBlock,
            "a block table must reach the last token");
  }
  cache.require_blocks(block_tables.data(), requests * blocks);

  const AttentionKernels& table = *kernels_of(isa).attention;
  const nb::gil_scoped_release nogil;
  const std::int64_t group = heads / layer.num_kv_heads;
  const std::int64_t size = kMaxQueryTokens * group * partial_size(layer.head_dim);
  std::vector<float> partials(static_cast<std::size_t>(2 * size));
  float* next = partials.data() + size;
  for (std::int64_t r = 0; r < requests; ++r) {
    for (std::int64_t h = 0; h < layer.num_kv_heads; ++h) {
      for (std::int64_t t = 0; t < tokens; t += kMaxQueryTokens) {
        const std::int64_t num_tokens = std::min(kMaxQueryTokens, tokens - t);
        const std::int64_t first = first_positions(r) + t;
        const std::int64_t place = ((r * tokens + t) * heads + h * group) * layer.head_dim;
        const Queries queries{q.data() + place, heads * layer.head_dim, num_tokens, group, first, h,
                              block_tables.data() + r * blocks};
        table.attend_segment(layer, queries, 0, partials.data());
        for (std::int64_t segment = 1; segment * kSegment < first + num_tokens; ++segment) {
          table.attend_segment(layer, queries, segment, next);
          table.fold_partials(partials.data(), next, num_tokens * group, layer.head_dim);
        }
        for (std::int64_t token = 0; token < num_tokens; ++token) {
          table.finish_partials(partials.data() + token * group * partial_size(layer.head_dim), group, layer.head_dim,
                                out.data() + place + token * heads * layer.head_dim);
        }
      }
    }
  }
}

}  // namespace

void bind_attention(nb::module_& m) {
  m.attr("BLOCK_SIZE") = kBlock;
  m.attr("MAX_HEAD_DIM") = kMaxHeadDim;
  m.attr("SEGMENT_SIZE") = kSegment;
  const auto keys = "keys"_a.noconvert();
  const auto values = "values"_a.noconvert();
  const auto key_scales = "key_scales"_a.noconvert().none();
  const auto value_scales = "value_scales"_a.noconvert().none();
  m.def("store_kv", &store_kv, keys, values, key_scales, value_scales, "block"_a, "offset"_a, "k"_a.noconvert(),
        "v"_a.noconvert(), "isa"_a = nb::none());
  m.def("attend_segment", &attend_segment, keys, values, key_scales, value_scales, "q"_a.noconvert(),
        "first_position"_a, "kv_head"_a, "block_table"_a.noconvert(), "segment"_a, "partials"_a.noconvert(),
        "isa"_a = nb::none());
  m.def("fold_partials", &fold_partials, "partials"_a.noconvert(), "next"_a.noconvert(), "isa"_a = nb::none());
  m.def("finish_partials", &finish_partials, "partials"_a.noconvert(), "out"_a.noconvert(), "isa"_a = nb::none());
  m.def("attend", &attend, keys, values, key_scales, value_scales, "q"_a.noconvert(), "first_positions"_a.noconvert(),
        "block_tables"_a.noconvert(), "out"_a.noconvert(), "isa"_a = nb::none());
}

}  // namespace sampan::binding
