#include "sampan/dispatch.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#ifdef SAMPAN_X86
#include <cpuid.h>
#endif

namespace sampan {
namespace {

struct Cpu {
  std::vector<const char*> features;
  std::vector<Isa> isas{Isa::generic};
};

#ifdef SAMPAN_X86

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zeros where the processor has no such leaf.
Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

// XCR0: the register files that the operating system saves when it switches threads.
std::uint64_t saved_register_files() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

// Bit positions: Intel SDM volume 2A, CPUID, and volume 1, chapter 13 (XCR0).
Cpu detect() {
  constexpr std::uint64_t kYmm = 0b110;             // SSE and AVX state
  constexpr std::uint64_t kZmm = 0b11100110;        // and the three parts of AVX-512 state
  const auto bit = [](unsigned word, int index) { return ((word >> index) & 1) != 0; };

  const Registers base = cpuid(1);
  const std::uint64_t saved = bit(base.ecx, 27) ? saved_register_files() : 0;  // OSXSAVE
  const bool ymm = (saved & kYmm) == kYmm;
  const bool zmm = (saved & kZmm) == kZmm;
  const Registers leaf7 = cpuid(7);
  const Registers leaf7_1 = leaf7.eax >= 1 ? cpuid(7, 1) : Registers{};

  Cpu cpu;
  const auto feature = [&cpu](const char* name, bool usable) {
    if (usable) cpu.features.push_back(name);
    return usable;
  };
  const bool avx2 = feature("avx2", ymm && bit(leaf7.ebx, 5));
  const bool fma = feature("fma", ymm && bit(base.ecx, 12));
  const bool f16c = feature("f16c", ymm && bit(base.ecx, 29));
  feature("avx_vnni", ymm && bit(leaf7_1.eax, 4));
  const bool avx512f = feature("avx512f", zmm && bit(leaf7.ebx, 16));
  const bool avx512bw = feature("avx512bw", zmm && bit(leaf7.ebx, 30));
  const bool avx512dq = feature("avx512dq", zmm && bit(leaf7.ebx, 17));
  const bool avx512vl = feature("avx512vl", zmm && bit(leaf7.ebx, 31));
  const bool avx512_vnni = feature("avx512_vnni", zmm && bit(leaf7.ecx, 11));
  feature("avx512_bf16", zmm && bit(leaf7_1.eax, 5));

  if (avx2 && fma && f16c) {
    cpu.isas.push_back(Isa::avx2);
    if (avx512f && avx512bw && avx512dq && avx512vl && avx512_vnni) cpu.isas.push_back(Isa::avx512);
  }
  return cpu;
}

#else

Cpu detect() { return {}; }

#endif

const Cpu& cpu() {
  static const Cpu detected = detect();
  return detected;
}

constexpr KernelTable kGeneric{
    .limits = &generic::limit_kernels,
    .matmul = &generic::matmul_kernels,
    .float_matmul = &generic::float_matmul_kernels,
    .elementwise = &generic::elementwise_kernels,
    .attention = &generic::attention_kernels,
    .sampler = &generic::sampler_kernels,
    .checksum = &generic::checksum_kernels,
    .pack = &generic::pack_kernels,
};
#ifdef SAMPAN_X86
constexpr KernelTable kAvx2{
    .limits = &avx2::limit_kernels,
    .matmul = &avx2::matmul_kernels,
    .float_matmul = &avx2::float_matmul_kernels,
    .elementwise = &avx2::elementwise_kernels,
    .attention = &avx2::attention_kernels,
    .sampler = &avx2::sampler_kernels,
    .checksum = &avx2::checksum_kernels,
    .pack = &avx2::pack_kernels,
};
constexpr KernelTable kAvx512{
    .limits = &avx512::limit_kernels,
    .matmul = &avx512::matmul_kernels,
    .float_matmul = &avx512::float_matmul_kernels,
    .elementwise = &avx512::elementwise_kernels,
    .attention = &avx512::attention_kernels,
    .sampler = &avx512::sampler_kernels,
    .checksum = &avx512::checksum_kernels,
    .pack = &avx512::pack_kernels,
};
#endif

}  // namespace

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::generic:
      break;
  }
  return "generic";
}

Isa isa_from_name(std::string_view name) {
  std::string known;
  for (const Isa isa : supported_isas()) {
    if (name == name_of(isa)) return isa;
    known += known.empty() ? name_of(isa) : std::string(", ") + name_of(isa);
  }
  throw std::invalid_argument("instruction set '" + std::string(name) + "' is not one of this machine's: " + known);
}

const std::vector<Isa>& supported_isas() { return cpu().isas; }

const std::vector<const char*>& cpu_features() { return cpu().features; }

Isa active_isa() {
  static const Isa chosen = [] {
    const char* forced = std::getenv("SAMPAN_ISA");
    return forced != nullptr && *forced != '\0' ? isa_from_name(forced) : supported_isas().back();
  }();
  return chosen;
}

const KernelTable& kernels(Isa isa) {
  switch (isa) {
#ifdef SAMPAN_X86
    case Isa::avx512:
      return kAvx512;
    case Isa::avx2:
      return kAvx2;
#endif
    default:
      return kGeneric;
  }
}

}  // namespace sampan
