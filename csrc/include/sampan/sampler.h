// Draws one token from one row of logits. The readable twin is `sampan.backends.sampler`.
//
// The order: penalties, bias, mask; log-probabilities are taken here; then temperature, min-p, top-k, top-p. The draw
// inverts the cumulative distribution of the kept tokens in ascending order of id, with the number
// Philox4x32-10(seed, position) and nothing else.
#pragma once

#include <cstdint>

namespace sampan {

inline constexpr std::int32_t kNoToken = -1;

// One entry of the arrays of `sampan.backends.base.SamplingBatch`. No list names an id twice.
struct SamplingRow {
  float temperature;         // 0: greedy; of equal logits the lowest id
  float top_p;               // 1: all
  float min_p;               // 0: all
  std::int32_t top_k;        // 0: all
  std::uint64_t seed;
  std::int64_t position;
  float repetition_penalty;
  float presence_penalty;
  float frequency_penalty;
  std::int32_t num_logprobs;  // -1: none; 0: the drawn token's; n: the n most probable besides
  std::int64_t num_seen;
  const std::int32_t* seen_ids;
  const float* seen_counts;   // times in the output; 0: only in the prompt
  std::int64_t num_bias;
  const std::int32_t* bias_ids;
  const float* bias_values;
  std::int32_t given;            // the token, where it is known and only looked at; -1: it is drawn
  const std::uint32_t* allowed;  // [ceil(vocab_size / 32)]: bit i % 32 of word i / 32 says whether i may be drawn;
                                 // nullptr: every id may
};

struct SampledToken {
  std::int32_t token;  // kNoToken: the logits held NaN or Inf, or do so once edited, or nothing is left to draw
  std::int32_t rank;   // of the token, 1 is the most probable; 0 where no log-probabilities were asked for
};

// Bytes of scratch memory, aligned to 64, that a call of sample_row may write.
std::int64_t sampler_scratch_size(std::int64_t vocab_size);

// logits [vocab_size] may be overwritten. Where num_logprobs >= 0, writes 1 + num_logprobs ids and log-probabilities:
// those of the drawn token first, then of the most probable ones, best first. Beyond the vocabulary: kNoToken and -inf.
using SampleRow = SampledToken(float* logits, std::int64_t vocab_size, const SamplingRow& row, void* scratch,
                               std::int32_t* logprob_ids, float* logprobs);

struct SamplerKernels {
  SampleRow* sample_row;
};

namespace generic {
extern const SamplerKernels sampler_kernels;
}
namespace avx2 {
extern const SamplerKernels sampler_kernels;
}
namespace avx512 {
extern const SamplerKernels sampler_kernels;
}

}  // namespace sampan
