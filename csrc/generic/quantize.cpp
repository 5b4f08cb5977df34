#include <algorithm>
#include <cmath>
#include <limits>

#include "sampan/kernels.h"

namespace sampan::generic {

void quantize_int8_groups(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t begin = 0; begin < k; begin += kWideGroup) {
      const std::int64_t end = std::min(begin + kWideGroup, k);
      float absmax = 0.0f;
      bool finite = true;
      for (std::int64_t i = begin; i < end; ++i) {
        finite = finite && std::isfinite(x[i]);
        absmax = std::max(absmax, std::fabs(x[i]));
      }

      const bool empty = !finite || absmax < kQuantizeMin;
      const float inverse = empty ? 0.0f : 127.0f / absmax;
      for (std::int64_t i = begin; i < end; ++i) {
        codes[i] = empty ? std::int8_t{0} : static_cast<std::int8_t>(std::lrint(x[i] * inverse));
      }
      const float scale = empty ? 0.0f : absmax / 127.0f;
      *scales++ = finite ? scale : std::numeric_limits<float>::quiet_NaN();
    }
    x += k;
    codes += k;
  }
}

}  // namespace sampan::generic
