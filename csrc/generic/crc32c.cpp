#include <array>

#include "crc32c_polynomials.h"
#include "sampan/kernels.h"

namespace sampan {
namespace {

// kTables[i][b]: what the byte b adds to the register once i more bytes have gone by.
constexpr auto make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
    tables[0][byte] = crc;
  }
  for (std::size_t i = 1; i < 8; ++i) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[i - 1][byte];
      tables[i][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr auto kTables = make_tables();

std::uint32_t crc32c(std::uint32_t crc, const void* data, std::int64_t size) {
  const unsigned char* bytes = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    std::uint32_t sum = 0;
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t mixed = i < 4 ? bytes[i] ^ (crc >> (8 * i)) : bytes[i];
      sum ^= kTables[static_cast<std::size_t>(7 - i)][mixed & 0xff];
    }
    crc = sum;
  }
  for (; size > 0; --size, ++bytes) crc = (crc >> 8) ^ kTables[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}

}  // namespace

const ChecksumKernels generic::checksum_kernels{crc32c};

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::int64_t second_size) {
  return product(first, past_bytes(second_size)) ^ second;
}

}  // namespace sampan
