#include "harness.h"

namespace sampan::tests {
namespace {

// The cache of one layer, all ones at first: NaN to floats, so that what takes no part would show.
struct Cache {
  Cache(KvFormat format, std::int64_t num_blocks, std::int64_t num_kv_heads, std::int64_t head_dim)
      : width(format == KvFormat::fp32 ? 4 : format == KvFormat::int8 ? 1 : 2),
        keys(num_blocks * num_kv_heads * head_dim * kBlock * width, [] { return std::uint8_t{0xff}; }),
        values(keys),
        key_scales(format == KvFormat::int8 ? num_blocks * num_kv_heads * kBlock : 0, [] { return NAN; }),
        value_scales(key_scales),
        layer{format,
              num_kv_heads,
              head_dim,
              keys.data(),
              values.data(),
              key_scales.data(),
              value_scales.data(),
              num_kv_heads * head_dim * kBlock * width,
              num_kv_heads * kBlock} {}

  std::int64_t width;
  Array<std::uint8_t> keys;
  Array<std::uint8_t> values;
  Array<float> key_scales;
  Array<float> value_scales;
  KvLayer layer;
};

struct Request {
  Request(Random& random, KvFormat format)
      : format(format),
        num_kv_heads(random.integer(1, 3)),
        num_heads(random.integer(1, 8)),
        head_dim(32 * random.integer(1, random.one_in(4) ? 8 : 4)),
        num_tokens(random.integer(1, kMaxQueryTokens)),
        first_position(random.one_in(6) ? random.integer(400, 1200) : random.integer(0, 90)),
        length(first_position + num_tokens),
        num_blocks((length + kBlock - 1) / kBlock),
        block_table(num_blocks) {
    for (std::int64_t i = 0; i < num_blocks; ++i) {  // a shuffle of the blocks
      const std::int64_t other = random.integer(0, i);
      block_table[i] = block_table[other];
      block_table[other] = static_cast<std::int32_t>(i);
    }
  }

  std::string text() const {
    return "format " + std::to_string(static_cast<int>(format)) + ", kv heads " + std::to_string(num_kv_heads) +
           ", heads " + std::to_string(num_heads) + ", head_dim " + std::to_string(head_dim) + ", tokens " +
           std::to_string(num_tokens) + " from " + std::to_string(first_position);
  }

  KvFormat format;
  std::int64_t num_kv_heads;
  std::int64_t num_heads;  // of one KV head
  std::int64_t head_dim;
  std::int64_t num_tokens;
  std::int64_t first_position;
  std::int64_t length;
  std::int64_t num_blocks;
  Array<std::int32_t> block_table;
};

void store(Isa isa, const Request& request, const Array<float>& keys, const Array<float>& values, const Cache& cache) {
  const std::int64_t size = request.num_kv_heads * request.head_dim;
  for (std::int64_t position = 0; position < request.length; ++position) {
    const std::int64_t block = request.block_table[position / kBlock];
    kernels(isa).attention->store_kv(cache.layer, block, position % kBlock, keys.data() + position * size,
                                     values.data() + position * size);
  }
}

// Outputs [count, num_heads, head_dim] of the tokens from `first` on, and each segment's partials on the way.
struct Attended {
  Array<float> out;
  std::vector<Array<float>> partials;
};

Attended attend(Isa isa, const Request& request, const Cache& cache, const Array<float>& q, std::int64_t kv_head,
                std::int64_t first, std::int64_t count) {
  const AttentionKernels& attention = *kernels(isa).attention;
  const std::int64_t stride = request.num_heads * request.head_dim;
  const Queries queries{q.data() + first * stride, stride,  count,
                        request.num_heads,         request.first_position + first,
                        kv_head,                   request.block_table.data()};
  const std::int64_t states = count * request.num_heads;
  Attended result{Array<float>(count * stride), {}};
  Array<float> folded(states * partial_size(request.head_dim));
  for (std::int64_t segment = 0; segment * kSegment < request.first_position + first + count; ++segment) {
    Array<float> partials(folded.size());
    attention.attend_segment(cache.layer, queries, segment, partials.data());
    if (segment == 0) {
      std::memcpy(folded.data(), partials.data(), folded.bytes());
    } else {
      attention.fold_partials(folded.data(), partials.data(), states, request.head_dim);
    }
    result.partials.push_back(partials);
  }
  attention.finish_partials(folded.data(), states, request.head_dim, result.out.data());
  return result;
}

void test_attention(Case& test) {
  Random& random = test.random;
  constexpr KvFormat kFormats[] = {KvFormat::fp32, KvFormat::bf16, KvFormat::fp16, KvFormat::int8};
  const Request request(random, random.one_of(kFormats));
  test.about = request.text();
  const Values kind = random.one_of(kAllValues);
  const std::int64_t size = request.length * request.num_kv_heads * request.head_dim;
  const Array<float> keys(size, [&] { return value(random, kind); });
  const Array<float> values(size, [&] { return value(random, kind); });
  const Array<float> q(request.num_tokens * request.num_heads * request.head_dim, [&] { return random.real(); });
  const std::int64_t kv_head = random.integer(0, request.num_kv_heads - 1);
  const std::int64_t alone = random.integer(0, request.num_tokens - 1);
  const std::int64_t stride = request.num_heads * request.head_dim;

  const Cache cache(request.format, request.num_blocks, request.num_kv_heads, request.head_dim);
  store(Isa::generic, request, keys, values, cache);
  const Attended expected = attend(Isa::generic, request, cache, q, kv_head, 0, request.num_tokens);
  for (const Isa isa : test.isas) {
    const Cache stored(request.format, request.num_blocks, request.num_kv_heads, request.head_dim);
    store(isa, request, keys, values, stored);
    test.same(stored.keys, cache.keys, isa, "stored keys");
    test.same(stored.values, cache.values, isa, "stored values");
    test.same(stored.key_scales, cache.key_scales, isa, "key scales");
    test.same(stored.value_scales, cache.value_scales, isa, "value scales");

    const Attended actual = attend(isa, request, cache, q, kv_head, 0, request.num_tokens);
    test.same(actual.out, expected.out, isa, "attention");
    for (std::size_t i = 0; i < expected.partials.size(); ++i) {
      const std::string segment = " of segment " + std::to_string(i);
      for (std::int64_t state = 0; state < request.num_tokens * request.num_heads; ++state) {
        const std::int64_t begin = state * partial_size(request.head_dim);
        const float* ours = actual.partials[i].data() + begin;
        const float* theirs = expected.partials[i].data() + begin;
        test.same(ours, theirs, 2, isa, "largest and sum" + segment);
        test.same(ours + kBlock, theirs + kBlock, request.head_dim, isa, "acc" + segment);
      }
    }
    const Attended one = attend(isa, request, cache, q, kv_head, alone, 1);
    test.same(one.out.data(), expected.out.data() + alone * stride, stride, isa, "attention of one token alone");
  }
}

}  // namespace

const std::vector<Test> kAttentionTests{{"attention", 200, test_attention}};

}  // namespace sampan::tests
