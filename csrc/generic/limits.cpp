#include "sampan/kernels.h"

namespace sampan::generic {
namespace {

constexpr int kChains = 8;
constexpr int kFloatChains = 16;

// Keeps the compiler from leaving out what led to a value.
template <typename T>
void consume(T value) {
  __asm__ volatile("" : : "m"(value));
}

void read_stream(const void* data, std::int64_t num_bytes) {
  const auto* words = static_cast<const std::uint64_t*>(data);
  std::uint64_t folded[4] = {};
  for (std::int64_t i = 0; i < num_bytes / 8; i += 4) {
    for (int lane = 0; lane < 4; ++lane) folded[lane] ^= words[i + lane];
  }
  for (const std::uint64_t value : folded) consume(value);
}

void int8_loop(std::int64_t rounds) {
  std::int32_t sums[kChains] = {};
  std::int32_t factor = 3;
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (int chain = 0; chain < kChains; ++chain) {
      __asm__ volatile("" : "+r"(factor));  // might have changed: the product cannot be taken out of the loop
      sums[chain] += static_cast<std::int8_t>(factor) * static_cast<std::int8_t>(chain + 5);
    }
  }
  for (const std::int32_t sum : sums) consume(sum);
}

void fp32_loop(std::int64_t rounds) {
  float sums[kFloatChains], factor = 0.5f, term = 1.0f;
  for (int chain = 0; chain < kFloatChains; ++chain) sums[chain] = static_cast<float>(chain);
  __asm__ volatile("" : "+m"(sums), "+m"(factor), "+m"(term));  // nothing is known of them: no chain can be foreseen
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (float& sum : sums) sum = sum * factor + term;
  }
  for (const float sum : sums) consume(sum);
}

}  // namespace

const LimitKernels limit_kernels{read_stream, {{int8_loop, kChains}, {}}, {fp32_loop, kFloatChains}};

}  // namespace sampan::generic
