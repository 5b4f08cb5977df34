#include "sampan/matmul.h"

namespace sampan::avx512 {

void matmul_int8(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
                 std::int64_t y_stride) {
  generic::matmul_int8(x, w, panel_begin, panel_end, y, y_stride);
}

void matmul_int4(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
                 std::int64_t y_stride) {
  generic::matmul_int4(x, w, panel_begin, panel_end, y, y_stride);
}

}  // namespace sampan::avx512
