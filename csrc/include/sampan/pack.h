// From a weight matrix as checkpoints store it, [n, k] row by row, to the packed formats of matmul.h.
#pragma once

#include <cstdint>

#include "sampan/matmul.h"

namespace sampan {

// Groups that cannot be quantised: bit j stands for group j.
struct BadGroups {
  std::uint32_t not_finite;  // it holds NaN or Inf
  std::uint32_t too_large;   // it holds a value beyond kQuantizeMax
};

inline constexpr float kQuantizeMax = 1e5f;  // with larger values the scale might leave the range of fp16

// Quantises sixteen groups, one in each lane, with the scales that represent them best.
//
//   x       fp32 [kGroupSize, 16]
//   codes   s8 [kGroupSize, 16]    round_to_nearest_even(x * (1 / scale)), for int4 clamped to -8 ... 7
//   scales  fp32 [16]              numbers that fp16 holds
//
//   int8   Of the sixteen scales absmax * ((1.0005 + 0.0045 j) / 127) + 2^-25, rounded to fp16, the one with the least
//          squared error, the first among equals. None is below absmax / 127: no code leaves -127 ... 127.
//   int4   Codes q are best matched by the scale sum of x q / sum of q^2, which explains (sum of x q)^2 / sum of q^2 of the
//          sum of x^2. Of the codes that arise where the extreme value (of equal ones the negative) is mapped to
//          -8.4 + 0.3 j, j = 0 ... 7, those that explain most give a scale. It is refined twice by the codes that it gives
//          itself, and rounded to fp16. It may be negative.
//
// Root mean square errors on normally distributed weights, relative to the weights': int8 0.48 %, 0.90 of what codes
// relative to absmax / 127 give (Q8_0 of GGUF); int4 8.1 %, 0.94 of what mapping the extreme value to -8 gives (Q4_0),
// 0.84 of absmax / 7. On Student's t with five degrees of freedom 0.91, 0.96 and 0.84 (tests/quant/test_pack.py).
//
// Sums run over the group in ascending order. A group whose absmax is below kQuantizeLeast, or whose scale rounds to 0, has
// codes and scale 0. Where a group is bad, nothing that is written counts.
using QuantizeGroups = BadGroups(const float* x, std::int8_t* codes, float* scales);

inline constexpr float kQuantizeLeast = 0x1p-26f;  // a quarter of the least scale that fp16 holds

struct PackKernels {
  QuantizeGroups* quantize_int8;
  QuantizeGroups* quantize_int4;
};

namespace generic {
extern const PackKernels pack_kernels;
}
namespace avx2 {
extern const PackKernels pack_kernels;
}
namespace avx512 {
extern const PackKernels pack_kernels;
}

enum class SourceType { fp32, fp16, bf16, codes };

// The k values of one output channel, which need not be aligned.
struct SourceRow {
  SourceType type;
  const void* values;  // nullptr: a padded channel, all zeros; s8 [k] for codes
  const void* scales;  // fp16 [k / kGroupSize], for codes only
};

// Why a row cannot be packed.
enum class PackProblem {
  none,
  not_finite,  // it holds NaN or Inf, or such a scale
  too_large,   // it holds a value that the format cannot hold
};

// What quantising a row lost: the sums of (x - code * scale)^2 and of x^2.
struct PackLoss {
  double error = 0;
  double total = 0;
};

// Packs one panel: codes and, for int8 and int4, scales, of which k is then a multiple of kGroupSize. Floats are rounded to
// nearest, ties to even. A row of codes is taken over as it is, into int8 and int4 only. At the first problem it stops, with
// the index of the row in *row. Where losses is not null, what was lost is
// added to those of the rows of floats that are quantised.
PackProblem pack_panel(const PackKernels& kernels, const SourceRow rows[kPanel], std::int64_t k, Format format, void* codes,
                       std::uint16_t* scales, int* row, PackLoss losses[kPanel] = nullptr);

// Packs one row by itself, as embedding matrices lie: int8 codes are s8 [k] with scales [k / kGroupSize], chosen as above;
// bf16, fp16 and fp32 are [k]. There is no int4.
PackProblem pack_row(const PackKernels& kernels, const SourceRow& row, std::int64_t k, Format format, void* codes,
                     std::uint16_t* scales);

}  // namespace sampan
