#include "harness.h"

namespace sampan::tests {
namespace {

// Weights of any bits that are finite, in an array of their own type.
struct FloatWeights {
  FloatWeights(Random& random, Format format, std::int64_t size)
      : format(format), words(format == Format::fp32 ? 0 : size), floats(format == Format::fp32 ? size : 0) {
    const Values values = random.one_of(kAllValues);
    floats.fill([&] { return value(random, values); });
    words.fill([&] {
      if (format == Format::fp16) return half(random);
      const float x = value(random, values);
      std::uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      return static_cast<std::uint16_t>(bits >> 16);
    });
  }

  const void* data() const { return format == Format::fp32 ? static_cast<const void*>(floats.data()) : words.data(); }

  Format format;
  Array<std::uint16_t> words;
  Array<float> floats;
};

void test_float_matmul(Case& test) {
  Random& random = test.random;
  constexpr Format kFormats[] = {Format::bf16, Format::fp16, Format::fp32};
  const Format format = random.one_of(kFormats);
  const std::int64_t rows = random.one_in(4) ? random.integer(10, 60) : random.integer(0, 9);
  const std::int64_t k = random.one_in(4) ? random.integer(200, 1100) : random.integer(1, 99);
  const std::int64_t n = random.integer(1, 120);
  const std::int64_t panels = (n + kPanel - 1) / kPanel;
  const std::int64_t stride = kPanel * (panels + random.integer(0, 2));
  const std::int64_t panel_begin = random.integer(0, panels - 1);
  const std::int64_t panel_end = random.integer(panel_begin, panels);
  test.about = "format " + std::to_string(static_cast<int>(format)) + ", rows " + std::to_string(rows) + ", k " +
               std::to_string(k) + ", n " + std::to_string(n) + ", panels " + std::to_string(panel_begin) + " to " +
               std::to_string(panel_end);

  const FloatWeights weights(random, format, panels * kPanel * k);
  const Matrix w{format, n, k, weights.data(), nullptr};
  const Values values = random.one_of(kAllValues);
  const Array<float> x(rows * k, [&] { return value(random, values); });
  const auto product = [&](Isa isa, const Array<float>& inputs) {
    const std::int64_t count = inputs.size() / k;
    Array<float> y(count * stride, [] { return -1.0f; });
    const Activations view{count, k, inputs.data(), nullptr, nullptr, nullptr};
    kernels(isa).float_matmul->matmul(view, w, panel_begin, panel_end, y.data(), stride);
    return y;
  };

  const Array<float> expected = product(Isa::generic, x);
  for (const Isa isa : test.isas) test.same(product(isa, x), expected, isa, "product");
  if (rows == 0) return;
  const std::int64_t first = random.integer(0, rows - 1);
  Array<float> part(k * (random.one_in(2) ? 1 : random.integer(1, rows - first)));
  std::memcpy(part.data(), x.data() + first * k, part.bytes());
  for (const Isa isa : test.isas) {
    const Array<float> y = product(isa, part);
    test.same(y.data(), expected.data() + first * stride, y.size(), isa, "product of some of the rows");
  }
}

}  // namespace

const std::vector<Test> kFloatMatmulTests{{"float_matmul", 500, test_float_matmul}};

}  // namespace sampan::tests
