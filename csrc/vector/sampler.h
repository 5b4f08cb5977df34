// The sampler's passes over a whole row; what each does stands in sample_row.h.
#pragma once

#ifndef SAMPAN_VEC_H
#error "include generic/vec.h, x86/vec_avx2.h or x86/vec_avx512.h first"
#endif

#include "sample_row.h"
#include "vector/exp.h"

namespace sampan {
namespace {

constexpr int kBlockVecs = static_cast<int>(kRowBlock) / kLanes;

// A block's vectors. Those of a short block are filled up with its first element.
struct RowBlock {
  Vec part[kBlockVecs];
};

inline RowBlock load_block(const float* x, std::int64_t count) {
  RowBlock block;
  if (count >= kRowBlock) {
    for (int i = 0; i < kBlockVecs; ++i) block.part[i] = load(x + i * kLanes);
    return block;
  }
  for (int i = 0; i < kBlockVecs; ++i) {
    const std::int64_t left = count - i * kLanes;
    const int lanes = left < 0 ? 0 : left > kLanes ? kLanes : static_cast<int>(left);
    block.part[i] = select(first_lanes(lanes), load_first(x + i * kLanes, lanes), broadcast(x[0]));
  }
  return block;
}

bool scan(const float* x, std::int64_t n, float* block_max) {
  Vec sound = zero();  // NaN where an element was not finite
  for (std::int64_t begin = 0; begin < n; begin += kRowBlock) {
    const RowBlock block = load_block(x + begin, n - begin);
    Vec most = block.part[0];
    for (const Vec part : block.part) {
      most = max(most, part);
      sound = fma(part, zero(), sound);
    }
    *block_max++ = reduce_max(most);
  }
  return bits_of(equal(sound, zero())) == (1u << kLanes) - 1;
}

void forbid(float* x, std::int64_t n, const std::uint32_t* allowed) {
  constexpr int kWordLanes = 32;
  static_assert(kWordLanes == 2 * kLanes);
  const Vec never = broadcast(-__builtin_inff());
  for (std::int64_t begin = 0; begin < n; begin += kWordLanes) {
    const std::uint32_t bits = *allowed++;
    if (bits == ~0u) continue;
    for (int half = 0; half < 2; ++half) {
      float* first = x + begin + half * kLanes;
      const Mask kept = mask_of(bits >> half * kLanes);
      const std::int64_t left = n - begin - half * kLanes;
      if (left >= kLanes) {
        store(first, select(kept, load(first), never));
      } else if (left > 0) {
        const int lanes = static_cast<int>(left);
        store_first(first, select(kept, load_first(first, lanes), never), lanes);
      }
    }
  }
}

inline Vec weight_of(Vec x, Vec largest, Vec inverse_temperature) { return exp((x - largest) * inverse_temperature); }

void weigh(const float* x, std::int64_t n, float largest, float inverse_temperature, float* weights,
           double* block_sums) {
  const Vec most = broadcast(largest);
  const Vec inverse = broadcast(inverse_temperature);
  for (std::int64_t begin = 0; begin < n; begin += kRowBlock) {
    const RowBlock block = load_block(x + begin, n - begin);
    DoubleVec sum = widen(zero());
    for (int i = 0; i < kBlockVecs; ++i) {
      const std::int64_t left = n - begin - i * kLanes;
      Vec weight = weight_of(block.part[i], most, inverse);
      if (left >= kLanes) {
        if (weights != nullptr) store(weights + begin + i * kLanes, weight);
      } else {
        const int lanes = left < 0 ? 0 : static_cast<int>(left);
        weight = select(first_lanes(lanes), weight, zero());
        if (weights != nullptr) store_first(weights + begin + i * kLanes, weight, lanes);
      }
      sum = sum + widen(weight);
    }
    *block_sums++ = reduce_add(sum);
  }
}

std::int64_t gather(const float* x, std::int64_t n, const float* block_max, float cut, std::int32_t* ids,
                    float* values) {
  const Vec least = broadcast(cut);
  std::int64_t count = 0;
  for (std::int64_t begin = 0; begin < n; begin += kRowBlock) {
    if (*block_max++ < cut) continue;
    const RowBlock block = load_block(x + begin, n - begin);
    for (int i = 0; i < kBlockVecs; ++i) {
      const std::int64_t first = begin + i * kLanes;
      std::uint32_t reached = bits_of(less_equal(least, block.part[i]));
      if (n - first < kLanes) reached &= n <= first ? 0 : (1u << (n - first)) - 1;
      for (; reached != 0; reached &= reached - 1) {
        const std::int64_t id = first + __builtin_ctz(reached);
        ids[count] = static_cast<std::int32_t>(id);
        values[count++] = x[id];
      }
    }
  }
  return count;
}

constexpr SamplerPasses kSamplerPasses{scan, forbid, weigh, gather};

SampledToken sample_with_passes(float* logits, std::int64_t vocab_size, const SamplingRow& row, void* scratch,
                                std::int32_t* logprob_ids, float* logprobs) {
  return sample_row(kSamplerPasses, logits, vocab_size, row, scratch, logprob_ids, logprobs);
}

}  // namespace
}  // namespace sampan
