#include "sample_row.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>

#include "candidates.h"
#include "logarithm.h"
#include "philox.h"

namespace sampan {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

constexpr std::int64_t kAlignment = 64;

// The pieces of the scratch memory. `size` counts them where there is no memory yet.
struct Scratch {
  explicit Scratch(std::int64_t vocab_size, void* memory = nullptr) : memory(static_cast<std::byte*>(memory)) {
    const std::int64_t blocks = num_row_blocks(vocab_size);
    const std::int64_t padded = blocks * kRowBlock;
    block_max = take<float>(blocks);
    block_sums = take<double>(blocks);
    ids = take<std::int32_t>(padded);
    values = take<float>(padded);
    weights = take<float>(padded);
    selection = {take<double>(kHistogramSize), take<std::int32_t>(padded)};
  }

  template <typename T>
  T* take(std::int64_t count) {
    T* piece = memory != nullptr ? reinterpret_cast<T*>(memory + size) : nullptr;
    const auto bytes = count * static_cast<std::int64_t>(sizeof(T));
    size += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return piece;
  }

  std::byte* memory;
  std::int64_t size = 0;
  float* block_max;
  double* block_sums;
  std::int32_t* ids;
  float* values;
  float* weights;
  Selection selection;
};

// Penalties and bias, in place. False where an edited logit is NaN or +Inf.
bool edit(float* logits, const SamplingRow& row) {
  bool sound = true;
  for (std::int64_t i = 0; i < row.num_seen; ++i) {
    float& logit = logits[row.seen_ids[i]];
    const float count = row.seen_counts[i];
    logit = logit > 0.0f ? logit / row.repetition_penalty : logit * row.repetition_penalty;
    logit = logit - (count > 0.0f ? row.presence_penalty : 0.0f) - row.frequency_penalty * count;
    sound = sound && logit < kInf;
  }
  for (std::int64_t i = 0; i < row.num_bias; ++i) {
    float& logit = logits[row.bias_ids[i]];
    logit += row.bias_values[i];
    sound = sound && logit < kInf;
  }
  return sound;
}

// One row whose blocks have been scanned.
struct Row {
  const SamplerPasses& passes;
  const float* logits;
  std::int64_t vocab_size;
  float largest;
  const Scratch& scratch;

  double total_weight(const float* x, std::int64_t n, float inverse_temperature, float* weights = nullptr) const {
    passes.weigh(x, n, largest, inverse_temperature, weights, scratch.block_sums);
    double total = 0.0;
    for (std::int64_t block = 0; block < num_row_blocks(n); ++block) total += scratch.block_sums[block];
    return total;
  }

  Candidates gather(float cut) const {
    const std::int64_t count =
        passes.gather(logits, vocab_size, scratch.block_max, cut, scratch.ids, scratch.values);
    return {scratch.ids, scratch.values, count};
  }

  // At least the `count` largest of those that reach `cut`, and mostly not many more.
  Candidates gather_largest(std::int64_t count, float cut) const {
    const std::int64_t blocks = num_row_blocks(vocab_size);
    if (count <= blocks) return gather(std::max(cut, nth_of_blocks(count, scratch.block_max, 1)));
    // More than there are blocks: guess from one logit of each block, a few deviations on the safe side.
    const double expected = static_cast<double>(count) / kRowBlock;
    const auto nth = static_cast<std::int64_t>(expected + 4.0 * std::sqrt(expected) + 2.0);
    if (nth > blocks) return gather(cut);
    const Candidates guessed = gather(std::max(cut, nth_of_blocks(nth, logits, kRowBlock)));
    return guessed.count >= count ? guessed : gather(cut);
  }

  // The nth largest of x[0], x[stride], ..., one for each block.
  float nth_of_blocks(std::int64_t nth, const float* x, std::int64_t stride) const {
    const std::int64_t blocks = num_row_blocks(vocab_size);
    float* copy = scratch.values;
    for (std::int64_t block = 0; block < blocks; ++block) copy[block] = x[block * stride];
    std::nth_element(copy, copy + nth - 1, copy + blocks, std::greater<>());
    return copy[nth - 1];
  }
};

std::int32_t argmax(const Row& row) {
  const float* block_max = row.scratch.block_max;
  const float* block = std::find(block_max, block_max + num_row_blocks(row.vocab_size), row.largest);
  const float* begin = row.logits + (block - block_max) * kRowBlock;
  return static_cast<std::int32_t>(std::find(begin, row.logits + row.vocab_size, row.largest) - row.logits);
}

// Index of the entry of x at which the sum of the weights passes `number` of the whole.
std::int64_t invert(const Row& row, const float* x, std::int64_t n, float inverse_temperature, double number) {
  const double target = number * row.total_weight(x, n, inverse_temperature);
  const double* sums = row.scratch.block_sums;
  double below = 0.0;
  std::int64_t block = 0;
  std::int64_t last = 0;  // that weighs anything: where rounding leaves the target unreached
  for (; block < num_row_blocks(n) && below + sums[block] <= target; ++block) {
    below += sums[block];
    if (sums[block] > 0.0) last = block;
  }
  block = block < num_row_blocks(n) ? block : last;

  const std::int64_t begin = block * kRowBlock;
  const std::int64_t count = std::min(kRowBlock, n - begin);
  alignas(kAlignment) float weights[kRowBlock];
  double block_sum = 0.0;
  row.passes.weigh(x + begin, count, row.largest, inverse_temperature, weights, &block_sum);
  std::int64_t drawn = 0;
  for (std::int64_t i = 0; i < count && below <= target; ++i) {
    below += weights[i];
    if (weights[i] > 0.0f) drawn = i;
  }
  return begin + drawn;
}

// The largest finite float that is no larger, so that x >= it wherever x >= bound.
float round_down(double bound) {
  bound = std::clamp(bound, double{kLowest}, -double{kLowest});
  const float nearest = static_cast<float>(bound);
  return static_cast<double>(nearest) <= bound ? nearest : std::nextafterf(nearest, -kInf);
}

float round_up(double bound) { return -round_down(-bound); }

std::int32_t draw(const Row& row, const SamplingRow& how) {
  const double number = uniform(how.seed, how.position);
  const double temperature = how.temperature;
  const float inverse = static_cast<float>(std::min(1.0 / temperature, -double{kLowest}));
  const bool nucleus = how.top_p < 1.0f;
  const bool limited = how.top_k > 0 && how.top_k < row.vocab_size;

  float cut = kLowest;  // masked tokens are never drawn
  if (how.min_p > 0.0f) cut = round_up(row.largest + temperature * logarithm(how.min_p));
  double total = 0.0;
  if (cut == kLowest && !limited) {
    if (!nucleus) return static_cast<std::int32_t>(invert(row, row.logits, row.vocab_size, inverse, number));
    // Tokens that even together weigh less than the nucleus leaves out cannot be in it. Half of that, to be safe from
    // rounding.
    total = row.total_weight(row.logits, row.vocab_size, inverse);
    const double share = 0.5 * (1.0 - how.top_p) * total / static_cast<double>(row.vocab_size);
    cut = round_down(row.largest + temperature * logarithm(share));
  }

  Candidates candidates = limited ? row.gather_largest(how.top_k, cut) : row.gather(cut);
  if (limited && how.top_k < candidates.count) keep_largest(candidates, nullptr, how.top_k, row.scratch.selection);
  if (nucleus) {
    const double weight = row.total_weight(candidates.values, candidates.count, inverse, row.scratch.weights);
    const double target = how.top_p * (total > 0.0 ? total : weight);
    // A top_p of 0 keeps the most probable token.
    keep_largest(candidates, row.scratch.weights, std::max(target, std::numeric_limits<double>::min()),
                 row.scratch.selection);
  }
  return candidates.ids[invert(row, candidates.values, candidates.count, inverse, number)];
}

std::int32_t rank_of(const Row& row, float logit) {
  std::int64_t greater = 0;
  for (std::int64_t block = 0; block < num_row_blocks(row.vocab_size); ++block) {
    if (row.scratch.block_max[block] <= logit) continue;
    const std::int64_t begin = block * kRowBlock;
    const std::int64_t end = std::min(begin + kRowBlock, row.vocab_size);
    for (std::int64_t i = begin; i < end; ++i) greater += row.logits[i] > logit;
  }
  return static_cast<std::int32_t>(greater + 1);
}

void write_logprobs(const Row& row, std::int32_t token, std::int32_t count, std::int32_t* ids, float* logprobs) {
  ids[0] = token;
  const auto wanted = std::min<std::int64_t>(count, row.vocab_size);
  if (wanted > 0) {
    Candidates best = row.gather_largest(wanted, -kInf);
    if (wanted < best.count) keep_largest(best, nullptr, static_cast<double>(wanted), row.scratch.selection);
    std::sort(best.ids, best.ids + wanted, [logits = row.logits](std::int32_t a, std::int32_t b) {
      return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
    });
    std::copy(best.ids, best.ids + wanted, ids + 1);
  }
  const double log_total = logarithm(row.total_weight(row.logits, row.vocab_size, 1.0f));
  for (std::int64_t i = 0; i <= wanted; ++i) {
    logprobs[i] = static_cast<float>(static_cast<double>(row.logits[ids[i]]) - row.largest - log_total);
  }
  std::fill(ids + 1 + wanted, ids + 1 + count, kNoToken);
  std::fill(logprobs + 1 + wanted, logprobs + 1 + count, -kInf);
}

}  // namespace

std::int64_t sampler_scratch_size(std::int64_t vocab_size) { return Scratch(vocab_size).size; }

SampledToken sample_row(const SamplerPasses& passes, float* logits, std::int64_t vocab_size, const SamplingRow& how,
                        void* memory, std::int32_t* logprob_ids, float* logprobs) {
  const Scratch scratch(vocab_size, memory);
  const auto scan = [&] { return passes.scan(logits, vocab_size, scratch.block_max); };
  if (!scan()) return {kNoToken, 0};
  if (how.num_seen > 0 || how.num_bias > 0 || how.allowed != nullptr) {
    if (!edit(logits, how)) return {kNoToken, 0};
    if (how.allowed != nullptr) passes.forbid(logits, vocab_size, how.allowed);
    scan();  // for the blocks; forbidden logits are -inf now
  }
  const float largest = *std::max_element(scratch.block_max, scratch.block_max + num_row_blocks(vocab_size));
  if (largest == -kInf) return {kNoToken, 0};

  const Row row{passes, logits, vocab_size, largest, scratch};
  const std::int32_t token = how.given >= 0 ? how.given : how.temperature == 0.0f ? argmax(row) : draw(row, how);
  if (how.num_logprobs < 0) return {token, 0};
  write_logprobs(row, token, how.num_logprobs, logprob_ids, logprobs);
  return {token, rank_of(row, logits[token])};
}

}  // namespace sampan
