// What happens to a token's vector between the linear layers. Each works on one row and is called row by row.
//
// Float reductions have one order on every instruction set: sixteen lanes, lane j taking the elements j, j + 16, ... in
// ascending order, and then the tree (j, j + 8), (j, j + 4), (j, j + 2), (j, j + 1).
#pragma once

#include <cstdint>

namespace sampan {

// out[i] = (x[i] * r) * weight[i] with r = 1 / sqrt(sum(x^2) / n + eps); squares are summed by fma. out may be x.
using RmsNorm = void(const float* x, const float* weight, float eps, std::int64_t n, float* out);

// x[i] = x[i] + y[i]
using Add = void(float* x, const float* y, std::int64_t n);

// out[i] = gate[i] / (1 + exp(-gate[i])) * up[i], with the exp of vector/exp.h. out may be gate.
using SwiGlu = void(const float* gate, const float* up, std::int64_t n, float* out);

// Rotary embedding of heads [num_heads, head_dim] in place, Hugging Face's order (rotate_half): element i pairs with
// i + head_dim / 2. cos and sin: [head_dim / 2] of the token's position. head_dim is a multiple of 32.
//   first = fma(-second, sin, first * cos), second = fma(first, sin, second * cos)
using Rope = void(float* heads, std::int64_t num_heads, std::int64_t head_dim, const float* cos, const float* sin);

// One row of an embedding matrix, stored row by row: fp32, fp16 or bf16 [n], or int8 codes s8 [n] with fp16 scales
// [n / 32] (value = float(code) * scale).
enum class EmbeddingFormat { fp32, fp16, bf16, int8 };
using Embed = void(EmbeddingFormat format, const void* row, const std::uint16_t* scales, std::int64_t n, float* out);

struct ElementwiseKernels {
  RmsNorm* rms_norm;
  Add* add;
  SwiGlu* swiglu;
  Rope* rope;
  Embed* embed;
};

namespace generic {
extern const ElementwiseKernels elementwise_kernels;
}
namespace avx2 {
extern const ElementwiseKernels elementwise_kernels;
}
namespace avx512 {
extern const ElementwiseKernels elementwise_kernels;
}

}  // namespace sampan
