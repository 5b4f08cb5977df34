#include "candidates.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace sampan {
namespace {

// Orders as the floats do; both zeros have one key. Without a branch, which signs would mislead half of the time.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value + 0.0f);
  return static_cast<std::uint32_t>(bits ^ (bits >> 31 | std::numeric_limits<std::int32_t>::min()));
}

// Where the last value lies that is still needed, as a distance of its key from the largest one, and the mass above it.
struct Boundary {
  std::uint32_t distance;
  double mass_above;
};

// The first bucket that reaches the target, to which `above` is added up. The sums of a coarser level may differ in the
// last bit, so that no bucket does: then the last that is not empty.
std::int64_t find_bucket(const double* histogram, std::int64_t num_buckets, double target, double& above) {
  std::int64_t last = num_buckets - 1;
  while (last > 0 && histogram[last] == 0.0) --last;
  std::int64_t bucket = 0;
  while (bucket < last && above + histogram[bucket] < target) above += histogram[bucket++];
  return bucket;
}

// Radix selection: a histogram of the masses over the distances finds the bucket of the boundary, a finer one over the
// members of that bucket the next digits, until a bucket is one value.
Boundary find_boundary(const Candidates& candidates, std::uint32_t largest, std::uint32_t range, const float* masses,
                       double target, const Selection& selection) {
  const auto distance_of = [&](std::int64_t i) { return largest - key_of(candidates.values[i]); };
  const auto mass_of = [&](std::int64_t i) { return masses != nullptr ? double{masses[i]} : 1.0; };
  std::int32_t* members = selection.members;
  std::int64_t num_members = candidates.count;
  Boundary boundary{0, 0.0};
  bool everyone = true;  // is a member
  for (int width = std::bit_width(range); width > 0;) {
    const int shift = std::max(width - kHistogramBits, 0);
    const std::int64_t num_buckets = std::int64_t{1} << (width - shift);
    const auto bucket_of = [&](std::int64_t i) { return (distance_of(i) - boundary.distance) >> shift; };
    std::fill(selection.histogram, selection.histogram + num_buckets, 0.0);
    for (std::int64_t m = 0; m < num_members; ++m) {
      const std::int64_t i = everyone ? m : members[m];
      selection.histogram[bucket_of(i)] += mass_of(i);
    }
    const std::int64_t bucket = find_bucket(selection.histogram, num_buckets, target, boundary.mass_above);

    std::int64_t kept = 0;
    for (std::int64_t m = 0; m < num_members; ++m) {
      const std::int64_t i = everyone ? m : members[m];
      members[kept] = static_cast<std::int32_t>(i);
      kept += bucket_of(i) == bucket;
    }
    num_members = kept;
    everyone = false;
    boundary.distance += static_cast<std::uint32_t>(bucket) << shift;
    width = shift;
  }
  return boundary;
}

}  // namespace

void keep_largest(Candidates& candidates, const float* masses, double target, const Selection& selection) {
  std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t largest = 0;
  for (std::int64_t i = 0; i < candidates.count; ++i) {
    smallest = std::min(smallest, key_of(candidates.values[i]));
    largest = std::max(largest, key_of(candidates.values[i]));
  }
  const Boundary boundary = find_boundary(candidates, largest, largest - smallest, masses, target, selection);
  double mass = boundary.mass_above;
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < candidates.count; ++i) {
    const std::uint32_t distance = largest - key_of(candidates.values[i]);
    candidates.ids[kept] = candidates.ids[i];
    candidates.values[kept] = candidates.values[i];
    if (distance != boundary.distance) {
      kept += distance < boundary.distance;
    } else if (mass < target) {
      mass += masses != nullptr ? masses[i] : 1.0;
      ++kept;
    }
  }
  candidates.count = kept;
}

}  // namespace sampan
