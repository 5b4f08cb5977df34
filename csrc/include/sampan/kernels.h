// Every kernel, declared once, with its shapes. A kernel knows pointers and sizes: no Python, no Paddle, no allocation.
//
// A kernel's signature is a function type. Each instruction set implements it under the same name in its own namespace,
// and KernelTable holds the ones that dispatch.cpp chose. All versions of a kernel return the same bits: `generic` is
// the readable one that the others are tested against.
#pragma once

#include "sampan/attention.h"
#include "sampan/crc32c.h"
#include "sampan/elementwise.h"
#include "sampan/limits.h"
#include "sampan/matmul.h"
#include "sampan/pack.h"
#include "sampan/sampler.h"

namespace sampan {

struct KernelTable {
  const LimitKernels* limits;
  const MatmulKernels* matmul;
  const FloatMatmulKernels* float_matmul;
  const ElementwiseKernels* elementwise;
  const AttentionKernels* attention;
  const SamplerKernels* sampler;
  const ChecksumKernels* checksum;
  const PackKernels* pack;
};

}  // namespace sampan
