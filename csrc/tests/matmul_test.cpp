#include "harness.h"

namespace sampan::tests {
namespace {

// Rows as the integer products read them.
struct Quantized {
  Quantized(std::int64_t rows, std::int64_t k)
      : rows(rows), k(k), codes(rows * k), scales(rows * k / kGroupSize), sums(rows * k / kGroupSize) {}

  Activations view() const { return {rows, k, nullptr, codes.data(), scales.data(), sums.data()}; }

  // The rows first ... first + count - 1, in memory of their own.
  Quantized slice(std::int64_t first, std::int64_t count) const {
    Quantized part(count, k);
    const std::int64_t groups = k / kGroupSize;
    std::memcpy(part.codes.data(), codes.data() + first * k, part.codes.bytes());
    std::memcpy(part.scales.data(), scales.data() + first * groups, part.scales.bytes());
    std::memcpy(part.sums.data(), sums.data() + first * groups, part.sums.bytes());
    return part;
  }

  std::int64_t rows;
  std::int64_t k;
  Array<std::int8_t> codes;
  Array<float> scales;
  Array<std::int32_t> sums;
};

void quantize(const KernelTable& table, const Array<float>& x, Quantized& q) {
  table.matmul->quantize_rows(x.data(), q.rows, q.k, q.codes.data(), q.scales.data(), q.sums.data());
}

void compare(Case& test, const Quantized& actual, const Quantized& expected, Isa isa) {
  test.same(actual.codes, expected.codes, isa, "codes");
  test.same(actual.scales, expected.scales, isa, "scales");
  test.same(actual.sums, expected.sums, isa, "sums");
}

void test_quantize_rows(Case& test) {
  const std::int64_t rows = test.random.integer(0, 9);
  const std::int64_t k = kGroupSize * test.random.integer(1, 20);
  const Values values = test.random.one_of(kAllValues);
  test.about = "rows " + std::to_string(rows) + ", k " + std::to_string(k);
  const Array<float> x(rows * k, [&] { return value(test.random, values); });
  Quantized expected(rows, k);
  quantize(kernels(Isa::generic), x, expected);
  for (const Isa isa : test.isas) {
    Quantized actual(rows, k);
    quantize(kernels(isa), x, actual);
    compare(test, actual, expected, isa);
  }
}

// The largest codes everywhere, so that an instruction that saturates would show.
Quantized extreme_rows(Random& random, std::int64_t rows, std::int64_t k) {
  Quantized q(rows, k);
  const auto sign = static_cast<std::int8_t>(random.one_in(2) ? 127 : -127);
  q.codes.fill([&] { return sign; });
  q.scales.fill([&] { return 1.0f; });
  q.sums.fill([&] { return sign * static_cast<std::int32_t>(kGroupSize); });
  return q;
}

Quantized random_rows(Random& random, std::int64_t rows, std::int64_t k) {
  Quantized q(rows, k);
  const Values values = random.one_of(kAllValues);
  const Array<float> x(rows * k, [&] { return value(random, values); });
  quantize(kernels(Isa::generic), x, q);
  return q;
}

struct Product {
  Matmul* MatmulKernels::*kernel;
  std::int64_t panel_begin;
  std::int64_t panel_end;
  std::int64_t stride;

  // Columns of other panels keep their -1.
  Array<float> operator()(Isa isa, const Quantized& x, const Matrix& w) const {
    Array<float> y(x.rows * stride, [] { return -1.0f; });
    (kernels(isa).matmul->*kernel)(x.view(), w, panel_begin, panel_end, y.data(), stride);
    return y;
  }
};

void test_integer_matmul(Case& test, Format format) {
  Random& random = test.random;
  const std::int64_t rows = random.one_in(4) ? random.integer(30, 150) : random.integer(0, 29);
  const std::int64_t k = kGroupSize * (random.one_in(4) ? random.integer(9, 60) : random.integer(1, 8));
  const std::int64_t n = random.integer(1, 120);
  const std::int64_t panels = (n + kPanel - 1) / kPanel;
  const std::int64_t padding = random.one_in(2) ? 0 : kPanel * random.integer(1, 2);
  const bool int8 = format == Format::int8;
  Product product{int8 ? &MatmulKernels::matmul_int8 : &MatmulKernels::matmul_int4, random.integer(0, panels - 1), 0,
                  panels * kPanel + padding};
  product.panel_end = random.integer(product.panel_begin, panels);
  test.about = "rows " + std::to_string(rows) + ", k " + std::to_string(k) + ", n " + std::to_string(n) + ", panels " +
               std::to_string(product.panel_begin) + " to " + std::to_string(product.panel_end);

  const bool extreme = random.one_in(4);
  const std::int64_t least = int8 ? 1 : 0;
  const Array<std::uint8_t> codes(panels * kPanel * k / (int8 ? 1 : 2), [&] {
    return static_cast<std::uint8_t>(extreme ? (random.one_in(9) ? least : 255) : random.integer(least, 255));
  });
  const Array<std::uint16_t> scales(panels * kPanel * k / kGroupSize, [&] { return half(random); });
  const Matrix w{format, n, k, codes.data(), scales.data()};
  const Quantized x = extreme ? extreme_rows(random, rows, k) : random_rows(random, rows, k);

  const Array<float> expected = product(Isa::generic, x, w);
  for (const Isa isa : test.isas) test.same(product(isa, x, w), expected, isa, "product");
  if (rows == 0) return;
  const std::int64_t first = random.integer(0, rows - 1);
  const std::int64_t count = random.one_in(2) ? 1 : random.integer(1, rows - first);
  const Quantized part = x.slice(first, count);
  for (const Isa isa : test.isas) {
    const Array<float> y = product(isa, part, w);
    test.same(y.data(), expected.data() + first * product.stride, y.size(), isa, "product of some of the rows");
  }
}

void test_matmul_int8(Case& test) { test_integer_matmul(test, Format::int8); }
void test_matmul_int4(Case& test) { test_integer_matmul(test, Format::int4); }

}  // namespace

const std::vector<Test> kMatmulTests{
    {"quantize_rows", 1000, test_quantize_rows},
    {"matmul_int8", 400, test_matmul_int8},
    {"matmul_int4", 400, test_matmul_int4},
};

}  // namespace sampan::tests
