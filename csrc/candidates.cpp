#include "candidates.h"

#include <algorithm>
#include <bit>

namespace sampan {
namespace {

// Orders as the floats do; both zeros have one key.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);
  return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
}

// Where the last value lies that is still needed, as a distance of its key from the largest one, and the mass above it.
struct Boundary {
  std::uint32_t distance;
  double mass_above;
};

// Radix selection: a histogram of the masses over the distances finds the bucket of the boundary, a finer one over that
// bucket the next digits, until a bucket is one value.
Boundary find_boundary(const Candidates& candidates, std::uint32_t largest, std::uint32_t range, const float* masses,
                       double target, double* histogram) {
  Boundary boundary{0, 0.0};
  for (int width = std::bit_width(range); width > 0;) {
    const int shift = std::max(width - kHistogramBits, 0);
    const std::int64_t num_buckets = std::int64_t{1} << (width - shift);
    std::fill(histogram, histogram + num_buckets, 0.0);
    for (std::int64_t i = 0; i < candidates.count; ++i) {
      const std::uint32_t distance = largest - key_of(candidates.values[i]) - boundary.distance;
      const std::uint32_t bucket = distance >> shift;
      if (bucket < num_buckets) histogram[bucket] += masses != nullptr ? masses[i] : 1.0;
    }
    // The sums of a coarser level may differ in the last bit, so that no bucket reaches the target: then the last one.
    std::int64_t last = num_buckets - 1;
    while (last > 0 && histogram[last] == 0.0) --last;
    std::int64_t bucket = 0;
    while (bucket < last && boundary.mass_above + histogram[bucket] < target) {
      boundary.mass_above += histogram[bucket++];
    }
    boundary.distance += static_cast<std::uint32_t>(bucket) << shift;
    width = shift;
  }
  return boundary;
}

}  // namespace

void keep_largest(Candidates& candidates, const float* masses, double target, double* histogram) {
  if (candidates.count == 0) return;
  const auto [smallest, greatest] = std::minmax_element(candidates.values, candidates.values + candidates.count);
  const std::uint32_t largest = key_of(*greatest);
  const Boundary boundary =
      find_boundary(candidates, largest, largest - key_of(*smallest), masses, target, histogram);
  double mass = boundary.mass_above;
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < candidates.count; ++i) {
    const std::uint32_t distance = largest - key_of(candidates.values[i]);
    if (distance > boundary.distance) continue;
    if (distance == boundary.distance) {
      if (mass >= target) continue;
      mass += masses != nullptr ? masses[i] : 1.0;
    }
    candidates.ids[kept] = candidates.ids[i];
    candidates.values[kept++] = candidates.values[i];
  }
  candidates.count = kept;
}

}  // namespace sampan
