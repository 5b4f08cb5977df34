#include "sampan/matmul.h"

#include <cmath>

#include "half.h"

namespace sampan::generic {
namespace {

struct Int8 {
  static int code(const std::uint8_t* panel, std::int64_t input, std::int64_t channel) {
    return panel[(input / 4 * kPanel + channel) * 4 + input % 4] - 128;
  }
  static std::int64_t panel_size(std::int64_t k) { return k * kPanel; }
};

struct Int4 {
  static int code(const std::uint8_t* panel, std::int64_t input, std::int64_t channel) {
    const std::uint8_t two = panel[(input / 8 * kPanel + channel) * 4 + input % 4];
    return (input % 8 < 4 ? two & 15 : two >> 4) - 8;
  }
  static std::int64_t panel_size(std::int64_t k) { return k * kPanel / 2; }
};

template <typename Weights>
void matmul(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
            std::int64_t y_stride) {
  const std::int64_t groups = w.k / kGroupSize;
  for (std::int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const auto* codes = static_cast<const std::uint8_t*>(w.codes) + panel * Weights::panel_size(w.k);
    const std::uint16_t* scales = w.scales + panel * groups * kPanel;
    for (std::int64_t row = 0; row < x.rows; ++row) {
      for (std::int64_t channel = 0; channel < kPanel; ++channel) {
        float sum = 0.0f;
        for (std::int64_t group = 0; group < groups; ++group) {
          std::int32_t dot = 0;
          for (std::int64_t i = group * kGroupSize; i < (group + 1) * kGroupSize; ++i) {
            dot += Weights::code(codes, i, channel) * x.codes[row * w.k + i];
          }
          const float weight_scale = float_of_half(scales[group * kPanel + channel]);
          sum = std::fma(static_cast<float>(dot), weight_scale * x.scales[row * groups + group], sum);
        }
        y[row * y_stride + panel * kPanel + channel] = sum;
      }
    }
  }
}

}  // namespace

void matmul_int8(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
                 std::int64_t y_stride) {
  matmul<Int8>(x, w, panel_begin, panel_end, y, y_stride);
}

void matmul_int4(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
                 std::int64_t y_stride) {
  matmul<Int4>(x, w, panel_begin, panel_end, y, y_stride);
}

}  // namespace sampan::generic
