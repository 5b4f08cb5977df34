#include "sampan/pack.h"

#include <cstring>

#include "half.h"

namespace sampan {
namespace {

constexpr int kGroup = static_cast<int>(kGroupSize);
constexpr int kScales = 16;     // that int8 tries,
constexpr int kScaleStep = 6;   // every sixth of the numbers that fp16 has: steps of 0.3 to 0.6 %
constexpr int kGrids = 8;       // that int4 tries
constexpr int kRefinements = 2;
constexpr std::uint32_t kInfBits = 0x7f800000;

// Whole numbers in floats, and the fp16 scale that belongs to them.
struct Group {
  float codes[kGroup];
  std::uint16_t scale;
};

void load(const SourceRow& row, std::int64_t begin, int count, float* out) {
  if (row.values == nullptr) {
    for (int i = 0; i < count; ++i) out[i] = 0.0f;
    return;
  }
  const char* values = static_cast<const char*>(row.values);
  if (row.type == SourceType::fp32) {
    std::memcpy(out, values + begin * 4, static_cast<std::size_t>(count) * 4);
    return;
  }
  std::uint16_t bits[kGroup];
  std::memcpy(bits, values + begin * 2, static_cast<std::size_t>(count) * 2);
  if (row.type == SourceType::bf16) {
    for (int i = 0; i < count; ++i) out[i] = float_of_bf16(bits[i]);
  } else {
    for (int i = 0; i < count; ++i) out[i] = float_of_half(bits[i]);
  }
}

// Bits of the largest magnitude. Magnitudes order as their bits do, Inf and NaN above all numbers.
std::uint32_t absmax_bits(const float* x, int count) {
  std::uint32_t most = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  return most;
}

// A group as vectors of a size that every machine has: compilers split or join them as they like, sums stay the same.
typedef float Float4 __attribute__((vector_size(16)));
constexpr int kVectors = kGroup / 4;

Float4 load4(const float* x) {
  Float4 value;
  std::memcpy(&value, x, sizeof value);
  return value;
}

// Adding and taking off 1.5 * 2^23 rounds |x| < 2^22 to the nearest whole number, ties to even.
template <typename T>
T nearest(T x) {
  return (x + 0x1.8p23f) - 0x1.8p23f;
}

template <typename T>
T nearest_int4(T x) {
  const T code = nearest(x);
  const T least = T{} - 8.0f;
  const T most = T{} + 7.0f;
  const T low = code > least ? code : least;
  return low < most ? low : most;
}

float sum_of(Float4 even, Float4 odd) {
  const Float4 sum = even + odd;
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

float squared_error(const float* x, float scale, float inverse) {
  Float4 sums[2] = {};
  for (int i = 0; i < kVectors; ++i) {
    const Float4 value = load4(x + 4 * i);
    const Float4 error = value - nearest(value * inverse) * scale;
    sums[i % 2] += error * error;
  }
  return sum_of(sums[0], sums[1]);
}

std::uint16_t scale_without_clipping(float absmax) {
  const std::uint16_t scale = half_of(absmax / 127.0f);
  return float_of_half(scale) * 127.0f < absmax ? static_cast<std::uint16_t>(scale + 1) : scale;
}

PackProblem quantize_int8(const float* x, float absmax, Group& group) {
  const std::uint16_t first = scale_without_clipping(absmax);
  if (first + kScaleStep * (kScales - 1) >= kFp16Inf) return PackProblem::too_large;
  float scales[kScales];
  float inverses[kScales];
  for (int j = 0; j < kScales; ++j) scales[j] = float_of_half(static_cast<std::uint16_t>(first + kScaleStep * j));
  for (int j = 0; j < kScales; ++j) inverses[j] = 1.0f / scales[j];
  int best = 0;
  float least = squared_error(x, scales[0], inverses[0]);
  for (int j = 1; j < kScales; ++j) {
    const float error = squared_error(x, scales[j], inverses[j]);
    best = error < least ? j : best;
    least = error < least ? error : least;
  }
  group.scale = static_cast<std::uint16_t>(first + kScaleStep * best);
  for (int i = 0; i < kGroup; ++i) group.codes[i] = nearest(x[i] * inverses[best]);
  return PackProblem::none;
}

// With codes q = nearest(x * inverse): the scale sum x q / sum q^2 that fits them best, and what it explains of the sum of
// x^2.
struct Fit {
  float scale;
  float explained;
};

Fit fit_int4(const float* x, float inverse) {
  Float4 xq[2] = {};
  Float4 qq[2] = {};
  for (int i = 0; i < kVectors; ++i) {
    const Float4 value = load4(x + 4 * i);
    const Float4 code = nearest_int4(value * inverse);
    xq[i % 2] += value * code;
    qq[i % 2] += code * code;
  }
  const float product = sum_of(xq[0], xq[1]);
  const float scale = product / sum_of(qq[0], qq[1]);  // the extreme value's code is not 0
  return {scale, product * scale};
}

float extreme_of(const float* x, float absmax) {
  for (int i = 0; i < kGroup; ++i) {
    if (x[i] == -absmax) return -absmax;
  }
  return absmax;
}

PackProblem quantize_int4(const float* x, float absmax, Group& group) {
  const float unit = 1.0f / extreme_of(x, absmax);
  Fit most{0.0f, 0.0f};
  const auto attempt = [&](float inverse) {
    const Fit fit = fit_int4(x, inverse);
    if (fit.explained > most.explained) most = fit;
  };
  for (int j = 0; j < kGrids; ++j) attempt(unit * (-8.4f + 0.3f * static_cast<float>(j)));
  for (int j = 0; j < kRefinements; ++j) attempt(1.0f / most.scale);
  group.scale = half_of(most.scale);
  const int magnitude = group.scale & 0x7fff;
  if (magnitude >= kFp16Inf) return PackProblem::too_large;
  if (magnitude == 0) {
    group = {};
    return PackProblem::none;
  }
  const float inverse = 1.0f / float_of_half(group.scale);
  for (int i = 0; i < kGroup; ++i) group.codes[i] = nearest_int4(x[i] * inverse);
  return PackProblem::none;
}

using Quantize = PackProblem(const float* x, float absmax, Group& best);

PackProblem quantize(Quantize* by_format, const SourceRow& row, std::int64_t begin, Group& group) {
  float x[kGroup];
  load(row, begin, kGroup, x);
  const std::uint32_t bits = absmax_bits(x, kGroup);
  if (bits >= kInfBits) return PackProblem::not_finite;
  const float absmax = std::bit_cast<float>(bits);
  if (absmax < kPackMin) {
    group = {};
    return PackProblem::none;
  }
  return by_format(x, absmax, group);
}

// Bytes that one group of one channel puts into a panel, in runs of four bytes that are 64 apart.
void interleave_int8(const float* codes, std::uint8_t* out) {
  for (int i = 0; i < kGroup; i += 4) {
    for (int j = 0; j < 4; ++j) out[i * kPanel + j] = static_cast<std::uint8_t>(static_cast<int>(codes[i + j]) + 128);
  }
}

void interleave_int4(const float* codes, std::uint8_t* out) {
  for (int i = 0; i < kGroup; i += 8) {
    for (int j = 0; j < 4; ++j) {
      const int low = static_cast<int>(codes[i + j]) + 8;
      const int high = static_cast<int>(codes[i + j + 4]) + 8;
      out[i / 2 * kPanel + j] = static_cast<std::uint8_t>(low | (high << 4));
    }
  }
}

template <Quantize* by_format, auto* interleave, int kBytes>
PackProblem pack_groups(const SourceRow rows[kPanel], std::int64_t k, void* codes, std::uint16_t* scales, int* row) {
  std::uint8_t* out = static_cast<std::uint8_t*>(codes);
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    for (*row = 0; *row < kPanel; ++*row) {
      Group group;
      const PackProblem problem = quantize(by_format, rows[*row], begin, group);
      if (problem != PackProblem::none) return problem;
      interleave(group.codes, out + 4 * *row);
      scales[*row] = group.scale;
    }
    out += kBytes * kPanel;
    scales += kPanel;
  }
  return PackProblem::none;
}

// Copies `count` values of a row to `out`, `stride` elements apart.
PackProblem convert(const SourceRow& row, std::int64_t begin, int count, Format format, void* out, std::int64_t stride) {
  float x[kGroup];
  load(row, begin, count, x);
  if (absmax_bits(x, count) >= kInfBits) return PackProblem::not_finite;
  if (format == Format::fp32) {
    for (int i = 0; i < count; ++i) static_cast<float*>(out)[i * stride] = x[i];
    return PackProblem::none;
  }
  bool fits = true;
  for (int i = 0; i < count; ++i) {
    const std::uint16_t bits = format == Format::bf16 ? bf16_of(x[i]) : half_of(x[i]);
    fits = fits && (bits & 0x7fff) < (format == Format::bf16 ? kBf16Inf : kFp16Inf);
    static_cast<std::uint16_t*>(out)[i * stride] = bits;
  }
  return fits ? PackProblem::none : PackProblem::too_large;
}

int smaller_of(std::int64_t rest, int most) { return rest < most ? static_cast<int>(rest) : most; }

PackProblem pack_floats(const SourceRow rows[kPanel], std::int64_t k, Format format, void* codes, int* row) {
  const std::int64_t size = format == Format::fp32 ? 4 : 2;
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    char* out = static_cast<char*>(codes) + begin * kPanel * size;
    for (*row = 0; *row < kPanel; ++*row) {
      const int count = smaller_of(k - begin, kGroup);
      const PackProblem problem = convert(rows[*row], begin, count, format, out + *row * size, kPanel);
      if (problem != PackProblem::none) return problem;
    }
  }
  return PackProblem::none;
}

}  // namespace

PackProblem pack_panel(const SourceRow rows[kPanel], std::int64_t k, Format format, void* codes, std::uint16_t* scales,
                       int* row) {
  switch (format) {
    case Format::int8:
      return pack_groups<quantize_int8, interleave_int8, kGroup>(rows, k, codes, scales, row);
    case Format::int4:
      return pack_groups<quantize_int4, interleave_int4, kGroup / 2>(rows, k, codes, scales, row);
    default:
      return pack_floats(rows, k, format, codes, row);
  }
}

PackProblem pack_row(const SourceRow& row, std::int64_t k, Format format, void* codes, std::uint16_t* scales) {
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    if (format == Format::int8) {
      Group group;
      const PackProblem problem = quantize(quantize_int8, row, begin, group);
      if (problem != PackProblem::none) return problem;
      for (int i = 0; i < kGroup; ++i) {
        static_cast<std::int8_t*>(codes)[begin + i] = static_cast<std::int8_t>(group.codes[i]);
      }
      scales[begin / kGroup] = group.scale;
    } else {
      char* out = static_cast<char*>(codes) + begin * (format == Format::fp32 ? 4 : 2);
      const PackProblem problem = convert(row, begin, smaller_of(k - begin, kGroup), format, out, 1);
      if (problem != PackProblem::none) return problem;
    }
  }
  return PackProblem::none;
}

}  // namespace sampan
