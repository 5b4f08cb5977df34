// Sixteen doubles, to sum floats in: the same interface three times, as in vec.h. Include vec.h before.
#pragma once

namespace sampan {
namespace {

struct DoubleVec {
  double lane[kLanes];
};

inline DoubleVec widen(Vec v) {
  DoubleVec result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = v.lane[i];
  return result;
}

inline DoubleVec operator+(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < kLanes; ++i) a.lane[i] += b.lane[i];
  return a;
}

// The tree (j, j + 8), (j, j + 4), (j, j + 2), (j, j + 1).
inline double reduce_add(DoubleVec v) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    for (int i = 0; i < distance; ++i) v.lane[i] += v.lane[i + distance];
  }
  return v.lane[0];
}

}  // namespace
}  // namespace sampan
