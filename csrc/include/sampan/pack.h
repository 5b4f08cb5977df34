// From a weight matrix as checkpoints store it, [n, k] row by row, to the packed formats of matmul.h.
//
// Plain code, compiled once for all machines: packing runs once per model, and every machine packs the same bytes.
#pragma once

#include <cstdint>

#include "sampan/matmul.h"

namespace sampan {

enum class SourceType { fp32, fp16, bf16 };

// Why a row cannot be packed.
enum class PackProblem {
  none,
  not_finite,  // it holds NaN or Inf
  too_large,   // a value has no finite neighbour in the format, or its scale none in fp16
};

// The k values of one output channel, which need not be aligned.
struct SourceRow {
  SourceType type;
  const void* values;  // nullptr: a padded channel, all zeros
};

inline constexpr float kPackMin = 0x1p-26f;  // a quarter of the least scale that fp16 holds

// Packs one panel (see matmul.h): codes and, for int8 and int4, scales. k is a multiple of kGroupSize for those.
//
//   int8   code = round_to_nearest_even(x * (1 / scale)), in -127 ... 127. Of sixteen scales the one with the least squared
//          error, the first among equals: absmax / 127 rounded up to fp16, and every sixth fp16 number above it.
//   int4   code = round_to_nearest_even(x * (1 / scale)), clamped to -8 ... 7. Codes q are best matched by the scale
//          sum of x q / sum of q^2, which explains (sum of x q)^2 / sum of q^2 of the sum of x^2. Of the codes that arise
//          where the extreme value is mapped to -8.4 + 0.3 j, j = 0 ... 7, those that explain most give a scale, which is
//          refined twice by the codes that it gives itself, and rounded to fp16. It may be negative.
//   bf16, fp16, fp32   round to nearest, ties to even
//
// A group whose absmax is below kPackMin has codes and scale 0. At the first problem it stops, with the row's index in *row.
PackProblem pack_panel(const SourceRow rows[kPanel], std::int64_t k, Format format, void* codes, std::uint16_t* scales,
                       int* row);

// Packs one row by itself, row by row and not in panels, as embedding matrices lie: int8 codes are s8 [k] with scales
// [k / kGroupSize], chosen as above; bf16, fp16 and fp32 are [k]. There is no int4.
PackProblem pack_row(const SourceRow& row, std::int64_t k, Format format, void* codes, std::uint16_t* scales);

}  // namespace sampan
