#include "sampan/pack.h"

#include <cstring>

#include "half.h"

namespace sampan {
namespace {

constexpr int kGroup = static_cast<int>(kGroupSize);
constexpr int kCandidates = 16;
constexpr int kLanes = 8;  // partial sums of a group: the compiler may use vectors, and every machine adds alike
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
    for (int i = 0; i < count; ++i) out[i] = from_bf16(bits[i]);
  } else {
    for (int i = 0; i < count; ++i) out[i] = from_fp16(bits[i]);
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

// Adding and taking off 1.5 * 2^23 rounds |x| < 2^22 to the nearest whole number, ties to even.
float nearest(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

float nearest_within(float x, float low, float high) {
  const float code = nearest(x);
  return code < low ? low : (code > high ? high : code);
}

float sum_of(const float* lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Fills codes and returns the squared error.
float round_int8(const float* x, float scale, float* codes) {
  const float inverse = 1.0f / scale;
  float errors[kLanes] = {};
  for (int i = 0; i < kGroup; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      codes[i + j] = nearest_within(x[i + j] * inverse, -127.0f, 127.0f);
      const float error = x[i + j] - codes[i + j] * scale;
      errors[j] += error * error;
    }
  }
  return sum_of(errors);
}

std::uint16_t scale_without_clipping(float absmax) {
  const std::uint16_t scale = to_fp16(absmax / 127.0f);
  return from_fp16(scale) * 127.0f < absmax ? static_cast<std::uint16_t>(scale + 1) : scale;
}

PackProblem quantize_int8(const float* x, float absmax, Group& best) {
  best.scale = scale_without_clipping(absmax);
  if (best.scale >= kFp16Inf) return PackProblem::too_large;
  float least = round_int8(x, from_fp16(best.scale), best.codes);
  Group group;
  for (int j = 0; j < kCandidates - 1; ++j) {
    group.scale = to_fp16(absmax / (127.5f - 0.5f * static_cast<float>(j)));
    if (group.scale == 0 || group.scale >= kFp16Inf) continue;
    const float error = round_int8(x, from_fp16(group.scale), group.codes);
    if (error < least) {
      least = error;
      best = group;
    }
  }
  return PackProblem::none;
}

// With codes q = nearest(x * inverse): the scale sum x q / sum q^2 that fits them best, and what it explains of the sum of
// x^2.
struct Fit {
  float scale;
  float explained;
};

Fit fit_int4(const float* x, float inverse) {
  float xq[kLanes] = {};
  float qq[kLanes] = {};
  for (int i = 0; i < kGroup; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      const float code = nearest_within(x[i + j] * inverse, -8.0f, 7.0f);
      xq[j] += x[i + j] * code;
      qq[j] += code * code;
    }
  }
  const float product = sum_of(xq);  // qq is not 0: the extreme value has a code
  const float scale = product / sum_of(qq);
  return {scale, product * scale};
}

PackProblem quantize_int4(const float* x, float absmax, Group& best) {
  float extreme = absmax;
  for (int i = 0; i < kGroup; ++i) {
    if (x[i] == absmax || x[i] == -absmax) {
      extreme = x[i];
      break;
    }
  }
  Fit most{0.0f, 0.0f};
  for (int j = 0; j < kCandidates; ++j) {
    const Fit fit = fit_int4(x, (-8.5f + 0.2f * static_cast<float>(j)) / extreme);
    if (fit.explained > most.explained) most = fit;
  }
  best.scale = to_fp16(most.scale);
  if ((best.scale & 0x7fff) >= kFp16Inf) return PackProblem::too_large;
  if ((best.scale & 0x7fff) == 0) {
    best = {};
    return PackProblem::none;
  }
  const float inverse = 1.0f / from_fp16(best.scale);
  for (int i = 0; i < kGroup; ++i) best.codes[i] = nearest_within(x[i] * inverse, -8.0f, 7.0f);
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
    const std::uint16_t bits = format == Format::bf16 ? to_bf16(x[i]) : to_fp16(x[i]);
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
