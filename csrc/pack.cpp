#include "sampan/pack.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "half.h"

namespace sampan {
namespace {

constexpr int kGroup = static_cast<int>(kGroupSize);
constexpr int kLanes = static_cast<int>(kPanel);
constexpr std::uint32_t kInfBits = 0x7f800000;

bool has_codes(const SourceRow& row) { return row.type == SourceType::codes; }

void load(const SourceRow& row, std::int64_t begin, int count, float* out) {
  if (row.values == nullptr || has_codes(row)) {
    std::fill_n(out, count, 0.0f);
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

// Sixteen groups with one in each lane, their codes and scales.
struct Groups {
  float x[kGroup * kLanes];
  std::int8_t codes[kGroup * kLanes];
  float scales[kLanes];

  void load_lane(int lane, const SourceRow& row, std::int64_t begin) {
    float values[kGroup];
    load(row, begin, kGroup, values);
    for (int i = 0; i < kGroup; ++i) x[i * kLanes + lane] = values[i];
  }

  // Sets *lane where there is a problem.
  PackProblem quantize(QuantizeGroups* kernel, int* lane) {
    const BadGroups bad = kernel(x, codes, scales);
    if ((bad.not_finite | bad.too_large) == 0) return PackProblem::none;
    *lane = std::countr_zero(bad.not_finite | bad.too_large);
    return (bad.not_finite >> *lane & 1) != 0 ? PackProblem::not_finite : PackProblem::too_large;
  }

  // Adds what quantising lost, of all lanes.
  void add_losses(PackLoss losses[kLanes]) const {
    float error[kLanes] = {};
    float total[kLanes] = {};
    for (int i = 0; i < kGroup; ++i) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const float value = x[i * kLanes + lane];
        const float lost = value - static_cast<float>(codes[i * kLanes + lane]) * scales[lane];
        error[lane] += lost * lost;
        total[lane] += value * value;
      }
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      losses[lane].error += error[lane];
      losses[lane].total += total[lane];
    }
  }

  PackProblem take_over(int lane, const SourceRow& row, std::int64_t begin, int least, int most) {
    std::int8_t taken[kGroup];
    std::memcpy(taken, static_cast<const std::int8_t*>(row.values) + begin, kGroup);
    bool fits = true;
    for (int i = 0; i < kGroup; ++i) {
      fits &= least <= taken[i] && taken[i] <= most;
      codes[i * kLanes + lane] = taken[i];
    }
    std::uint16_t scale = 0;
    std::memcpy(&scale, static_cast<const char*>(row.scales) + begin / kGroup * 2, 2);
    if ((scale & 0x7fff) >= kFp16Inf) return PackProblem::not_finite;
    scales[lane] = float_of_half(scale);
    return fits ? PackProblem::none : PackProblem::too_large;
  }
};

// One group of each channel, as it lies in a panel.
void interleave_int8(const std::int8_t* codes, std::uint8_t* out) {
  for (int i = 0; i < kGroup; i += 4) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int j = 0; j < 4; ++j) *out++ = static_cast<std::uint8_t>(codes[(i + j) * kLanes + lane] + 128);
    }
  }
}

void interleave_int4(const std::int8_t* codes, std::uint8_t* out) {
  for (int i = 0; i < kGroup; i += 8) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int j = 0; j < 4; ++j) {
        const int low = codes[(i + j) * kLanes + lane] + 8;
        const int high = codes[(i + j + 4) * kLanes + lane] + 8;
        *out++ = static_cast<std::uint8_t>(low | (high << 4));
      }
    }
  }
}

PackProblem pack_groups(QuantizeGroups* kernel, const SourceRow rows[kPanel], std::int64_t k, Format format,
                        std::uint8_t* codes, std::uint16_t* scales, int* row, PackLoss* losses) {
  const int most = format == Format::int8 ? 127 : 7;
  const bool all_codes = std::all_of(rows, rows + kPanel, has_codes);
  Groups groups;
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    if (!all_codes) {
      for (int lane = 0; lane < kLanes; ++lane) groups.load_lane(lane, rows[lane], begin);
      const PackProblem problem = groups.quantize(kernel, row);
      if (problem != PackProblem::none) return problem;
      if (losses != nullptr) groups.add_losses(losses);  // rows of codes are zeros here
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      if (!has_codes(rows[lane])) continue;
      *row = lane;
      const PackProblem problem = groups.take_over(lane, rows[lane], begin, -most - 1, most);
      if (problem != PackProblem::none) return problem;
    }
    if (format == Format::int8) {
      interleave_int8(groups.codes, codes + begin * kLanes);
    } else {
      interleave_int4(groups.codes, codes + begin * kLanes / 2);
    }
    for (int lane = 0; lane < kLanes; ++lane) *scales++ = half_of(groups.scales[lane]);
  }
  return PackProblem::none;
}

// Writes `count` values of a row, `stride` elements apart.
PackProblem convert(const SourceRow& row, std::int64_t begin, int count, Format format, void* out, std::int64_t stride) {
  float x[kGroup];
  load(row, begin, count, x);
  bool finite = true;
  for (int i = 0; i < count; ++i) finite &= (std::bit_cast<std::uint32_t>(x[i]) & kInfBits) != kInfBits;
  if (!finite) return PackProblem::not_finite;
  if (format == Format::fp32) {
    for (int i = 0; i < count; ++i) static_cast<float*>(out)[i * stride] = x[i];
    return PackProblem::none;
  }
  bool fits = true;
  for (int i = 0; i < count; ++i) {
    const std::uint16_t bits = format == Format::bf16 ? bf16_of(x[i]) : half_of(x[i]);
    fits &= (bits & 0x7fff) < (format == Format::bf16 ? kBf16Inf : kFp16Inf);
    static_cast<std::uint16_t*>(out)[i * stride] = bits;
  }
  return fits ? PackProblem::none : PackProblem::too_large;
}

std::int64_t size_of(Format format) { return format == Format::fp32 ? 4 : 2; }

int count_at(std::int64_t begin, std::int64_t k) { return static_cast<int>(std::min<std::int64_t>(k - begin, kGroup)); }

PackProblem pack_floats(const SourceRow rows[kPanel], std::int64_t k, Format format, char* codes, int* row) {
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    for (*row = 0; *row < kLanes; ++*row) {
      char* out = codes + (begin * kLanes + *row) * size_of(format);
      const PackProblem problem = convert(rows[*row], begin, count_at(begin, k), format, out, kLanes);
      if (problem != PackProblem::none) return problem;
    }
  }
  return PackProblem::none;
}

// Sixteen neighbouring groups at a time.
PackProblem pack_row_groups(QuantizeGroups* kernel, const SourceRow& row, std::int64_t k, std::int8_t* codes,
                            std::uint16_t* scales) {
  constexpr SourceRow kNothing{SourceType::fp32, nullptr, nullptr};
  Groups groups;
  for (std::int64_t begin = 0; begin < k; begin += kGroup * kLanes) {
    const int count = static_cast<int>(std::min<std::int64_t>((k - begin) / kGroup, kLanes));
    for (int lane = 0; lane < kLanes; ++lane) {
      groups.load_lane(lane, lane < count ? row : kNothing, begin + lane * kGroup);
    }
    int lane_at_fault = 0;
    const PackProblem problem = groups.quantize(kernel, &lane_at_fault);
    if (problem != PackProblem::none) return problem;
    for (int lane = 0; lane < count; ++lane) {
      for (int i = 0; i < kGroup; ++i) *codes++ = groups.codes[i * kLanes + lane];
      *scales++ = half_of(groups.scales[lane]);
    }
  }
  return PackProblem::none;
}

}  // namespace

PackProblem pack_panel(const PackKernels& kernels, const SourceRow rows[kPanel], std::int64_t k, Format format, void* codes,
                       std::uint16_t* scales, int* row, PackLoss* losses) {
  if (is_quantized(format)) {
    QuantizeGroups* kernel = format == Format::int8 ? kernels.quantize_int8 : kernels.quantize_int4;
    return pack_groups(kernel, rows, k, format, static_cast<std::uint8_t*>(codes), scales, row, losses);
  }
  return pack_floats(rows, k, format, static_cast<char*>(codes), row);
}

PackProblem pack_row(const PackKernels& kernels, const SourceRow& row, std::int64_t k, Format format, void* codes,
                     std::uint16_t* scales) {
  if (format == Format::int8) {
    return pack_row_groups(kernels.quantize_int8, row, k, static_cast<std::int8_t*>(codes), scales);
  }
  for (std::int64_t begin = 0; begin < k; begin += kGroup) {
    char* out = static_cast<char*>(codes) + begin * size_of(format);
    const PackProblem problem = convert(row, begin, count_at(begin, k), format, out, 1);
    if (problem != PackProblem::none) return problem;
  }
  return PackProblem::none;
}

}  // namespace sampan
