// The tokens that a filter leaves, and how the largest of them are found without sorting.
#pragma once

#include <cstdint>

namespace sampan {

struct Candidates {
  std::int32_t* ids;  // ascending
  float* values;      // their logits, no NaN
  std::int64_t count;
};

inline constexpr int kHistogramBits = 11;
inline constexpr std::int64_t kHistogramSize = std::int64_t{1} << kHistogramBits;

// Working memory of keep_largest.
struct Selection {
  double* histogram;      // [kHistogramSize]
  std::int32_t* members;  // [count]
};

// Keeps the fewest of the largest values whose masses together reach `target` (> 0), of equal values those of lower id;
// all where no mass reaches it. masses [count] belong to the candidates as they come; nullptr: each counts 1.
void keep_largest(Candidates& candidates, const float* masses, double target, const Selection& selection);

}  // namespace sampan
