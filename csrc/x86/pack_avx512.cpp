#include "vec_avx512.h"

#include "vector/pack.h"

namespace sampan::avx512 {

const PackKernels pack_kernels{quantize_int8, quantize_int4};

}  // namespace sampan::avx512
