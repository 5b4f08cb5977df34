// Random weights that are made packed: numbers are drawn from a table of quantiles.
#pragma once

#include <cstdint>

namespace sampan {

inline constexpr std::int64_t kQuantiles = 4096;

// out[i] = table[r], r the low 12 of the 16 bits number first + i of the generator that `seed` starts. So a range may
// be filled in pieces, in any order.
//
// The generator is counter-based: four numbers are the output of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014) at the state seed + (index / 4) * its increment.
template <typename T>
void draw(const T table[kQuantiles], std::uint64_t seed, std::int64_t first, std::int64_t count, T* out);

}  // namespace sampan
