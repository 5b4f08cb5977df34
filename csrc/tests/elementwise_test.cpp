#include "harness.h"

namespace sampan::tests {
namespace {

std::int64_t row_length(Random& random) {
  return random.one_in(4) ? random.integer(100, 3000) : random.integer(1, 99);
}

Array<float> random_row(Random& random, std::int64_t n) {
  const Values values = random.one_of(kAllValues);
  return Array<float>(n, [&] { return value(random, values); });
}

void test_rms_norm(Case& test) {
  const std::int64_t n = row_length(test.random);
  test.about = "n " + std::to_string(n);
  const Array<float> x = random_row(test.random, n);
  const Array<float> weight = random_row(test.random, n);
  const auto norm = [&](Isa isa, bool in_place) {
    Array<float> out(x);
    kernels(isa).elementwise->rms_norm(in_place ? out.data() : x.data(), weight.data(), 1e-6f, n, out.data());
    return out;
  };
  const Array<float> expected = norm(Isa::generic, false);
  for (const Isa isa : test.isas) {
    test.same(norm(isa, false), expected, isa, "rms_norm");
    test.same(norm(isa, true), expected, isa, "rms_norm in place");
  }
}

void test_add(Case& test) {
  const std::int64_t n = row_length(test.random);
  test.about = "n " + std::to_string(n);
  const Array<float> x = random_row(test.random, n);
  const Array<float> y = random_row(test.random, n);
  const auto sum = [&](Isa isa) {
    Array<float> out(x);
    kernels(isa).elementwise->add(out.data(), y.data(), n);
    return out;
  };
  const Array<float> expected = sum(Isa::generic);
  for (const Isa isa : test.isas) test.same(sum(isa), expected, isa, "add");
}

void test_swiglu(Case& test) {
  const std::int64_t n = row_length(test.random);
  test.about = "n " + std::to_string(n);
  const Array<float> gate = random_row(test.random, n);
  const Array<float> up = random_row(test.random, n);
  const auto activate = [&](Isa isa, bool in_place) {
    Array<float> out(gate);
    kernels(isa).elementwise->swiglu(in_place ? out.data() : gate.data(), up.data(), n, out.data());
    return out;
  };
  const Array<float> expected = activate(Isa::generic, false);
  for (const Isa isa : test.isas) {
    test.same(activate(isa, false), expected, isa, "swiglu");
    test.same(activate(isa, true), expected, isa, "swiglu in place");
  }
}

void test_rope(Case& test) {
  const std::int64_t num_heads = test.random.integer(1, 9);
  const std::int64_t head_dim = 32 * test.random.integer(1, 8);
  test.about = "heads " + std::to_string(num_heads) + ", head_dim " + std::to_string(head_dim);
  const Array<float> x = random_row(test.random, num_heads * head_dim);
  const Array<float> cos = random_row(test.random, head_dim / 2);
  const Array<float> sin = random_row(test.random, head_dim / 2);
  const auto rotate = [&](Isa isa) {
    Array<float> heads(x);
    kernels(isa).elementwise->rope(heads.data(), num_heads, head_dim, cos.data(), sin.data());
    return heads;
  };
  const Array<float> expected = rotate(Isa::generic);
  for (const Isa isa : test.isas) test.same(rotate(isa), expected, isa, "rope");
}

void test_embed(Case& test) {
  Random& random = test.random;
  constexpr EmbeddingFormat kFormats[] = {EmbeddingFormat::fp32, EmbeddingFormat::fp16, EmbeddingFormat::bf16,
                                          EmbeddingFormat::int8};
  const EmbeddingFormat format = random.one_of(kFormats);
  const std::int64_t n = format == EmbeddingFormat::int8 ? 32 * random.integer(1, 60) : row_length(random);
  const std::int64_t width = format == EmbeddingFormat::fp32 ? 4 : format == EmbeddingFormat::int8 ? 1 : 2;
  test.about = "format " + std::to_string(static_cast<int>(format)) + ", n " + std::to_string(n);
  const Array<std::uint8_t> row(n * width, [&] { return static_cast<std::uint8_t>(random.bits()); });
  const Array<std::uint16_t> scales(format == EmbeddingFormat::int8 ? n / 32 : 0, [&] { return half(random); });
  const auto embed = [&](Isa isa) {
    Array<float> out(n);
    kernels(isa).elementwise->embed(format, row.data(), scales.data(), n, out.data());
    return out;
  };
  const Array<float> expected = embed(Isa::generic);
  for (const Isa isa : test.isas) test.same(embed(isa), expected, isa, "embed");
}

}  // namespace

const std::vector<Test> kElementwiseTests{
    {"rms_norm", 500, test_rms_norm}, {"add", 500, test_add},     {"swiglu", 500, test_swiglu},
    {"rope", 300, test_rope},         {"embed", 500, test_embed},
};

}  // namespace sampan::tests
