// Every kernel, declared once, with its shapes. A kernel knows pointers and sizes: no Python, no Paddle, no allocation.
//
// A kernel's signature is a function type. Each instruction set implements it under the same name in its own namespace,
// and KernelTable holds the ones that dispatch.cpp chose. All versions of a kernel return the same bits: `generic` is
// the readable one that the others are tested against.
#pragma once

#include <cstdint>

#include "sampan/attention.h"
#include "sampan/elementwise.h"
#include "sampan/limits.h"
#include "sampan/matmul.h"
#include "sampan/sampler.h"

namespace sampan {

// Values along K that share one quantisation scale. The last group of a row may be shorter.
inline constexpr std::int64_t kWideGroup = 128;

constexpr std::int64_t num_groups(std::int64_t k) { return (k + kWideGroup - 1) / kWideGroup; }

// Symmetric int8 quantisation of activations, one scale per row and group.
//
//   x       fp32 [rows, k]
//   codes   int8 [rows, k]                 round_to_nearest_even(x * (127 / absmax of the group)), in -127 ... 127
//   scales  fp32 [rows, num_groups(k)]     absmax / 127; x is about code * scale
//
// A group whose absmax is below kQuantizeMin (all zeros among them) has codes 0 and scale 0. So the result does not
// depend on whether the thread flushes subnormal numbers to zero.
// A group that holds NaN or Inf has codes 0 and the scale NaN: the fault shows in the product instead of being clamped.
using QuantizeInt8Groups = void(const float* x, std::int64_t rows, std::int64_t k, std::int8_t* codes, float* scales);

struct KernelTable {
  QuantizeInt8Groups* quantize_int8_groups;
  const LimitKernels* limits;
};

namespace generic {
QuantizeInt8Groups quantize_int8_groups;
}
namespace avx2 {
QuantizeInt8Groups quantize_int8_groups;
}
namespace avx512 {
QuantizeInt8Groups quantize_int8_groups;
}

}  // namespace sampan
