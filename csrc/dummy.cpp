#include "sampan/dummy.h"

namespace sampan {
namespace {

std::uint64_t split_mix(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t z = seed + counter * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

template <typename T>
void draw(const T table[kQuantiles], std::uint64_t seed, std::int64_t first, std::int64_t count, T* out) {
  const auto pick = [table](std::uint64_t word, std::int64_t index) {
    return table[(word >> (16 * (index % 4))) % kQuantiles];
  };
  std::int64_t i = 0;
  const auto one = [&] { out[i] = pick(split_mix(seed, static_cast<std::uint64_t>((first + i) / 4)), first + i); };
  for (; i < count && (first + i) % 4 != 0; ++i) one();
  for (; i + 4 <= count; i += 4) {
    const std::uint64_t word = split_mix(seed, static_cast<std::uint64_t>((first + i) / 4));
    for (int j = 0; j < 4; ++j) out[i + j] = pick(word, j);
  }
  for (; i < count; ++i) one();
}

template void draw(const std::uint8_t*, std::uint64_t, std::int64_t, std::int64_t, std::uint8_t*);
template void draw(const std::uint16_t*, std::uint64_t, std::int64_t, std::int64_t, std::uint16_t*);
template void draw(const std::uint32_t*, std::uint64_t, std::int64_t, std::int64_t, std::uint32_t*);

}  // namespace sampan
