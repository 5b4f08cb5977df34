#include <immintrin.h>

#include "../crc32c_polynomials.h"
#include "sampan/kernels.h"

namespace sampan {
namespace {

// The crc32 instruction starts once a cycle and takes three: three streams keep it busy. A stream of this length makes
// joining them cheap, and three of them lie in the second-level cache.
constexpr std::int64_t kStream = 16384;
constexpr std::uint32_t kPastOneStream = past_bytes(kStream);
constexpr std::uint32_t kPastTwoStreams = past_bytes(2 * kStream);

std::uint64_t load(const unsigned char* bytes) {
  std::uint64_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint32_t crc32c(std::uint32_t crc, const void* data, std::int64_t size) {
  const unsigned char* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t first = static_cast<std::uint32_t>(~crc);
  for (; size >= 3 * kStream; size -= 3 * kStream, bytes += 3 * kStream) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::int64_t i = 0; i < kStream; i += 8) {
      first = _mm_crc32_u64(first, load(bytes + i));
      second = _mm_crc32_u64(second, load(bytes + i + kStream));
      third = _mm_crc32_u64(third, load(bytes + i + 2 * kStream));
    }
    first = product(static_cast<std::uint32_t>(first), kPastTwoStreams) ^
            product(static_cast<std::uint32_t>(second), kPastOneStream) ^ third;
  }
  for (; size >= 8; size -= 8, bytes += 8) first = _mm_crc32_u64(first, load(bytes));
  std::uint32_t rest = static_cast<std::uint32_t>(first);
  for (; size > 0; --size, ++bytes) rest = _mm_crc32_u8(rest, *bytes);
  return ~rest;
}

}  // namespace

const ChecksumKernels avx2::checksum_kernels{crc32c};
const ChecksumKernels avx512::checksum_kernels{crc32c};  // AVX-512 brings nothing better for this

}  // namespace sampan
