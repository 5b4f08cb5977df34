#include "sampan/pack.h"

#include "harness.h"

namespace sampan::tests {
namespace {

std::int64_t bytes_of(SourceType type) { return type == SourceType::fp32 ? 4 : 2; }

// k values, which begin at an odd address.
struct Source {
  Source(Random& random, SourceType type, Values values, std::int64_t k)
      : bytes(k * bytes_of(type) + 1), row{type, bytes.data() + 1, nullptr} {
    for (std::int64_t i = 0; i < k; ++i) {
      const float x = value(random, values);
      std::uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      std::uint8_t* place = bytes.data() + 1 + i * bytes_of(type);
      if (type == SourceType::fp32) {
        std::memcpy(place, &x, sizeof x);
      } else {
        const std::uint16_t word = type == SourceType::bf16 ? static_cast<std::uint16_t>(bits >> 16) : half(random);
        std::memcpy(place, &word, sizeof word);
      }
    }
  }

  Array<std::uint8_t> bytes;
  SourceRow row;
};

struct Packed {
  Packed(Format format, std::int64_t channels, std::int64_t k)
      : codes(channels * k * (format == Format::fp32 ? 4 : has_scales(format) ? 1 : 2) /
              (format == Format::int4 ? 2 : 1)),
        scales(has_scales(format) ? channels * k / kGroupSize : 0) {}

  static bool has_scales(Format format) { return format == Format::int8 || format == Format::int4; }

  Array<std::uint8_t> codes;
  Array<std::uint16_t> scales;
  PackProblem problem = PackProblem::none;
  int row = -1;
};

// What was written counts only where there was no problem.
void compare(Case& test, const Packed& actual, const Packed& expected, Isa isa, const std::string& what) {
  test.require(actual.problem == expected.problem && actual.row == expected.row, isa, "problem of " + what);
  if (expected.problem != PackProblem::none) return;
  test.same(actual.codes, expected.codes, isa, "codes of " + what);
  test.same(actual.scales, expected.scales, isa, "scales of " + what);
}

// One channel of a panel, as it is packed by itself.
Packed channel_of(const Packed& panel, Format format, std::int64_t channel, std::int64_t k) {
  Packed row(format, 1, k);
  const std::int64_t width = row.codes.size() / k;
  for (std::int64_t i = 0; i < k; ++i) {
    if (format == Format::int8) {  // with the sign, not the offset
      row.codes[i] = static_cast<std::uint8_t>(panel.codes[(i / 4 * kPanel + channel) * 4 + i % 4] - 128);
    } else {
      std::memcpy(row.codes.data() + i * width, panel.codes.data() + (i * kPanel + channel) * width,
                  static_cast<std::size_t>(width));
    }
  }
  for (std::int64_t group = 0; group < row.scales.size(); ++group) {
    row.scales[group] = panel.scales[group * kPanel + channel];
  }
  return row;
}

void test_pack(Case& test) {
  Random& random = test.random;
  constexpr Format kFormats[] = {Format::int8, Format::int4, Format::bf16, Format::fp16, Format::fp32};
  constexpr SourceType kTypes[] = {SourceType::fp32, SourceType::fp16, SourceType::bf16};
  const Format format = random.one_of(kFormats);
  const SourceType type = random.one_of(kTypes);
  const Values values = random.one_of(kAllValues);
  const std::int64_t k =
      Packed::has_scales(format) ? kGroupSize * random.integer(1, 9) : random.integer(1, 300);
  test.about = "format " + std::to_string(static_cast<int>(format)) + " of type " +
               std::to_string(static_cast<int>(type)) + ", k " + std::to_string(k);

  std::vector<Source> sources;
  sources.reserve(kPanel);  // a row points into its source
  SourceRow rows[kPanel] = {};
  const std::int64_t count = random.integer(1, kPanel);
  for (std::int64_t i = 0; i < count; ++i) rows[i] = sources.emplace_back(random, type, values, k).row;
  for (std::int64_t i = count; i < kPanel; ++i) rows[i] = {type, nullptr, nullptr};
  const std::int64_t channel = random.integer(0, count - 1);

  const auto pack_all = [&](Isa isa) {
    Packed panel(format, kPanel, k);
    panel.problem =
        pack_panel(*kernels(isa).pack, rows, k, format, panel.codes.data(), panel.scales.data(), &panel.row);
    return panel;
  };
  const auto pack_one = [&](Isa isa) {
    Packed row(format, 1, k);
    row.problem = pack_row(*kernels(isa).pack, rows[channel], k, format, row.codes.data(), row.scales.data());
    return row;
  };
  const Packed expected = pack_all(Isa::generic);
  for (const Isa isa : test.isas) compare(test, pack_all(isa), expected, isa, "a panel");
  if (expected.problem != PackProblem::none || format == Format::int4) return;
  const Packed row = channel_of(expected, format, channel, k);
  compare(test, pack_one(Isa::generic), row, Isa::generic, "a row alone");
  for (const Isa isa : test.isas) compare(test, pack_one(isa), row, isa, "a row alone");
}

// k codes of four bits and their scales, which begin at odd addresses.
struct CodedSource {
  CodedSource(Random& random, std::int64_t k)
      : codes(k + 1), scales(k / kGroupSize * 2 + 1), row{SourceType::codes, codes.data() + 1, scales.data() + 1} {
    for (std::int64_t i = 0; i < k; ++i) codes[i + 1] = static_cast<std::uint8_t>(random.integer(-8, 7));
    for (std::int64_t group = 0; group < k / kGroupSize; ++group) {
      const auto bits = static_cast<std::uint16_t>(random.integer(0, 0x7bff) | random.integer(0, 1) << 15);
      std::memcpy(scales.data() + 1 + group * 2, &bits, sizeof bits);
    }
  }

  Array<std::uint8_t> codes;
  Array<std::uint8_t> scales;
  SourceRow row;
};

void test_take_over(Case& test) {
  Random& random = test.random;
  const Format format = random.integer(0, 1) == 0 ? Format::int8 : Format::int4;
  const std::int64_t k = kGroupSize * random.integer(1, 9);
  test.about = "format " + std::to_string(static_cast<int>(format)) + ", k " + std::to_string(k);

  std::vector<Source> floats;
  std::vector<CodedSource> coded;
  floats.reserve(kPanel);
  coded.reserve(kPanel);
  SourceRow rows[kPanel] = {};
  for (SourceRow& row : rows) {
    const bool is_coded = random.integer(0, 2) > 0;
    row = is_coded ? coded.emplace_back(random, k).row : floats.emplace_back(random, SourceType::fp32, Values::ordinary, k).row;
  }
  const auto pack = [&](Isa isa) {
    Packed panel(format, kPanel, k);
    panel.problem =
        pack_panel(*kernels(isa).pack, rows, k, format, panel.codes.data(), panel.scales.data(), &panel.row);
    return panel;
  };
  const Packed expected = pack(Isa::generic);
  for (const Isa isa : test.isas) compare(test, pack(isa), expected, isa, "a panel of codes");
  test.require(expected.problem == PackProblem::none, Isa::generic, "no problem");
  for (std::int64_t channel = 0; channel < kPanel; ++channel) {
    if (rows[channel].type != SourceType::codes) continue;
    const auto* codes = static_cast<const std::int8_t*>(rows[channel].values);
    bool same = true;
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t byte = format == Format::int8 ? (i / 4 * kPanel + channel) * 4 + i % 4
                                                       : (i / 8 * kPanel + channel) * 4 + i % 4;
      const int packed = expected.codes[byte];
      same &= codes[i] == (format == Format::int8 ? packed - 128 : (packed >> (i / 4 % 2 * 4) & 15) - 8);
    }
    for (std::int64_t group = 0; group < k / kGroupSize; ++group) {
      const std::uint16_t scale = expected.scales[group * kPanel + channel];
      same &= std::memcmp(static_cast<const char*>(rows[channel].scales) + group * 2, &scale, sizeof scale) == 0;
    }
    test.require(same, Isa::generic, "codes as they were");
  }
}

}  // namespace

const std::vector<Test> kPackTests{{"pack", 300, test_pack}, {"take over", 100, test_take_over}};

}  // namespace sampan::tests
