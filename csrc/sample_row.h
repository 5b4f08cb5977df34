// The sampler in two parts: passes over a whole row, which vector/sampler.h has for each instruction set, and everything
// else, compiled once (sample_row.cpp, candidates.cpp).
#pragma once

#include <cstdint>

#include "sampan/sampler.h"

namespace sampan {

// A row is looked at in blocks of this many logits, the last one shorter.
inline constexpr std::int64_t kRowBlock = 64;

constexpr std::int64_t num_row_blocks(std::int64_t n) { return (n + kRowBlock - 1) / kRowBlock; }

// Weights are exp((x - largest) * inverse_temperature); where x is -inf, 0.
struct SamplerPasses {
  // block_max [blocks]: the largest of each block. Returns whether all of x [n] is finite.
  bool (*scan)(const float* x, std::int64_t n, float* block_max);

  // Sets x to -inf where the bit in allowed [ceil(n / 32)] is 0.
  void (*forbid)(float* x, std::int64_t n, const std::uint32_t* allowed);

  // weights [n], where not nullptr; block_sums [blocks]: the sum of each block's weights, in sixteen lanes of doubles
  // and the tree of elementwise.h.
  void (*weigh)(const float* x, std::int64_t n, float largest, float inverse_temperature, float* weights,
                double* block_sums);

  // Ids and values of all x >= cut, by ascending id; returns how many. Both have room for whole blocks.
  std::int64_t (*gather)(const float* x, std::int64_t n, const float* block_max, float cut, std::int32_t* ids,
                         float* values);
};

SampledToken sample_row(const SamplerPasses& passes, float* logits, std::int64_t vocab_size, const SamplingRow& row,
                        void* scratch, std::int32_t* logprob_ids, float* logprobs);

}  // namespace sampan
