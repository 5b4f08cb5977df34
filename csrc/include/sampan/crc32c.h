// CRC-32C (Castagnoli; RFC 3720, section 12.1), which finds damage in stored weights.
#pragma once

#include <cstdint>

namespace sampan {

// Continues `crc`, the checksum of what lies before, over `size` bytes. That of nothing is 0.
using Crc32c = std::uint32_t(std::uint32_t crc, const void* data, std::int64_t size);

// The checksum of two pieces, one behind the other, from those of the pieces; the second has `second_size` bytes.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::int64_t second_size);

struct ChecksumKernels {
  Crc32c* crc32c;
};

namespace generic {
extern const ChecksumKernels checksum_kernels;
}
namespace avx2 {
extern const ChecksumKernels checksum_kernels;
}
namespace avx512 {
extern const ChecksumKernels checksum_kernels;
}

}  // namespace sampan
