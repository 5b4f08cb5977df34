// Linear layers: y = x W^T on packed weights.
//
// A weight matrix [n, k] lies in panels of kPanel output channels, the last one padded with channels of zeros. Inside a
// panel the values are interleaved so that one vector load holds the same few inputs of all sixteen channels:
//
//   int8   codes u8  [panels, k / 4, 16, 4]   code + 128
//   int4   codes u8  [panels, k / 8, 16, 4]   inputs 8j ... 8j + 3 in the low nibbles, 8j + 4 ... 8j + 7 in the high; code + 8
//   bf16, fp16   u16 [panels, k, 16]
//   fp32         f32 [panels, k, 16]
//   scales       fp16 [panels, k / kGroupSize, 16]   int8 and int4 only: weight is about code * scale
//
// Codes are stored with an offset, as unsigned numbers, because x86 multiplies unsigned by signed bytes; what the offset
// adds is offset * (sum of the activations' codes), an integer that is taken off exactly.
//
// Every version of a product returns the same bits, for a row alone and among others:
//   int8, int4   for each group g in ascending order: acc = fma(float(dot_g), weight_scale * activation_scale, acc),
//                where dot_g is the exact integer sum of code products and the product of the scales is rounded once
//   bf16, fp16, fp32   the inputs in ascending order in chunks of kFloatChunk: chunk = fma(w, x, chunk) from 0, then
//                acc = acc + chunk
#pragma once

#include <cstdint>

namespace sampan {

inline constexpr std::int64_t kPanel = 16;
inline constexpr std::int64_t kGroupSize = 32;    // values along k that share one scale, of weights and of activations
inline constexpr std::int64_t kFloatChunk = 256;

enum class Format { int8, int4, bf16, fp16, fp32 };

// Has scales, and is multiplied with quantised activations.
constexpr bool is_quantized(Format format) { return format == Format::int8 || format == Format::int4; }

// A packed weight matrix. k is a multiple of kGroupSize for int8 and int4. Everything is aligned to 64 bytes.
struct Matrix {
  Format format;
  std::int64_t n;
  std::int64_t k;
  const void* codes;
  const std::uint16_t* scales;  // nullptr for bf16, fp16, fp32

  std::int64_t panels() const { return (n + kPanel - 1) / kPanel; }
};

// Rows of inputs. Integer formats read codes, scales and sums; the others read values.
struct Activations {
  std::int64_t rows;
  std::int64_t k;
  const float* values;         // [rows, k]
  const std::int8_t* codes;    // [rows, k]
  const float* scales;         // [rows, k / kGroupSize]
  const std::int32_t* sums;    // [rows, k / kGroupSize]: sum of the group's codes
};

// Symmetric int8 quantisation of activations, one scale for each row and group of kGroupSize values.
//
//   codes   round_to_nearest_even(x * (127 / absmax of the group)), in -127 ... 127
//   scales  absmax / 127
//   sums    of the group's codes
//
// A group whose absmax is below kQuantizeMin (all zeros among them) has codes 0 and scale 0, so that the result does not
// depend on whether the thread flushes subnormal numbers to zero. A group that holds NaN or Inf has codes 0 and the
// scale NaN: the fault shows in the product instead of being clamped.
using QuantizeRows = void(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales,
                          std::int32_t* sums);

inline constexpr float kQuantizeMin = 0x1p-100f;

// y [rows, y_stride], columns of the panels panel_begin ... panel_end - 1 (padded channels too): the products are
// written, not added. y_stride >= 16 * w.panels().
using Matmul = void(const Activations& x, const Matrix& w, std::int64_t panel_begin, std::int64_t panel_end, float* y,
                    std::int64_t y_stride);

struct MatmulKernels {
  QuantizeRows* quantize_rows;
  Matmul* matmul_int8;
  Matmul* matmul_int4;
};

struct FloatMatmulKernels {
  Matmul* matmul;  // bf16, fp16, fp32, by w.format
};

namespace generic {
QuantizeRows quantize_rows;
Matmul matmul_int8;
Matmul matmul_int4;
inline constexpr MatmulKernels matmul_kernels{quantize_rows, matmul_int8, matmul_int4};
extern const FloatMatmulKernels float_matmul_kernels;
}
namespace avx2 {
QuantizeRows quantize_rows;
Matmul matmul_int8;
Matmul matmul_int4;
inline constexpr MatmulKernels matmul_kernels{quantize_rows, matmul_int8, matmul_int4};
extern const FloatMatmulKernels float_matmul_kernels;
}
namespace avx512 {
QuantizeRows quantize_rows;
Matmul matmul_int8;
Matmul matmul_int4;
inline constexpr MatmulKernels matmul_kernels{quantize_rows, matmul_int8, matmul_int4};
extern const FloatMatmulKernels float_matmul_kernels;
}

}  // namespace sampan
