#include <algorithm>
#include <cmath>
#include <limits>

#include "sampan/matmul.h"

namespace sampan::generic {

void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales,
                   std::int32_t* sums) {
  for (std::int64_t group = 0; group < rows * (k / kGroupSize); ++group) {
    float absmax = 0.0f;
    bool finite = true;
    for (std::int64_t i = 0; i < kGroupSize; ++i) {
      finite = finite && std::isfinite(x[i]);
      absmax = std::max(absmax, std::fabs(x[i]));
    }

    const bool empty = !finite || absmax < kQuantizeMin;
    const float inverse = empty ? 0.0f : 127.0f / absmax;
    sums[group] = 0;
    for (std::int64_t i = 0; i < kGroupSize; ++i) {
      codes[i] = empty ? std::int8_t{0} : static_cast<std::int8_t>(std::lrint(x[i] * inverse));
      sums[group] += codes[i];
    }
    scales[group] = !finite ? std::numeric_limits<float>::quiet_NaN() : empty ? 0.0f : absmax / 127.0f;
    x += kGroupSize;
    codes += kGroupSize;
  }
}

}  // namespace sampan::generic
