#include "harness.h"

namespace sampan::tests {
namespace {

// From any byte, of any length.
void test_crc32c(Case& test) {
  const std::int64_t size = test.random.one_in(4) ? test.random.integer(200, 20'000) : test.random.integer(0, 199);
  const std::int64_t begin = test.random.integer(0, size);
  test.about = "bytes " + std::to_string(begin) + " to " + std::to_string(size);
  const Array<std::uint8_t> data(size, [&] { return static_cast<std::uint8_t>(test.random.bits()); });
  const auto crc = static_cast<std::uint32_t>(test.random.bits());
  const auto checksum = [&](Isa isa, std::uint32_t before, std::int64_t first, std::int64_t end) {
    return kernels(isa).checksum->crc32c(before, data.data() + first, end - first);
  };
  const std::uint32_t expected = checksum(Isa::generic, crc, begin, size);
  for (const Isa isa : test.isas) {
    test.require(checksum(isa, crc, begin, size) == expected, isa, "checksum");
    test.require(crc32c_combine(checksum(isa, 0, 0, begin), checksum(isa, 0, begin, size), size - begin) ==
                     checksum(Isa::generic, 0, 0, size),
                 isa, "checksum of two pieces");
  }
}

}  // namespace

const std::vector<Test> kChecksumTests{{"crc32c", 1000, test_crc32c}};

}  // namespace sampan::tests
