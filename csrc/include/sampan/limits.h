// What one core can do at most: the yardstick that `sampan bench` measures real work against.
//
// These kernels compute nothing of use. They keep the memory bus, or the multipliers, as busy as an instruction set
// can, without the loads, conversions and scales that real kernels need.
#pragma once

#include <cstdint>

namespace sampan {

inline constexpr std::int64_t kReadUnit = 256;  // bytes

// Reads a buffer once, front to back. num_bytes is a multiple of kReadUnit; data is aligned to 64 bytes.
using ReadStream = void(const void* data, std::int64_t num_bytes);

// Multiplies and accumulates in registers, in enough independent chains to hide the latency of each.
struct MacLoop {
  void (*run)(std::int64_t rounds);
  std::int64_t macs_per_round;
};

inline constexpr int kMaxInt8Loops = 2;

struct LimitKernels {
  ReadStream* read_stream;
  // int8 products summed exactly in int32. Where an instruction set has two ways, which is faster depends on the
  // processor; an unused place has no `run`.
  MacLoop int8[kMaxInt8Loops];
  MacLoop fp32;
};

namespace generic {
extern const LimitKernels limit_kernels;
}
namespace avx2 {
extern const LimitKernels limit_kernels;
}
namespace avx512 {
extern const LimitKernels limit_kernels;
}

}  // namespace sampan
