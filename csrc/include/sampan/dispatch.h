// Which kernels this machine runs: one binary holds them all, and the processor is asked once.
#pragma once

#include <string_view>
#include <vector>

#include "sampan/kernels.h"

namespace sampan {

// Levels of instruction sets, each a superset of the one before. A level is there when the processor has it and the
// operating system saves its registers.
//   avx2    AVX2, FMA, F16C
//   avx512  avx2 and AVX-512 F, BW, DQ, VL, VNNI; processors with AVX-512 but no VNNI (before 2019) run avx2
enum class Isa { generic, avx2, avx512 };

const char* name_of(Isa isa);

// Throws std::invalid_argument: no level has that name, or this machine lacks it.
Isa isa_from_name(std::string_view name);

// The levels that this machine has, `generic` first.
const std::vector<Isa>& supported_isas();

// The level in use: the best one, or the one that the environment variable SAMPAN_ISA names. Decided at the first call.
// Throws std::invalid_argument: SAMPAN_ISA names no level of this machine.
Isa active_isa();

// The kernels of a level that this machine has.
const KernelTable& kernels(Isa isa);

// Names of the instruction-set extensions that kernels look for and that are usable here, in a fixed order.
const std::vector<const char*>& cpu_features();

}  // namespace sampan
