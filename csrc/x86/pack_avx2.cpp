#include "vec_avx2.h"

#include "vector/pack.h"

namespace sampan::avx2 {

const PackKernels pack_kernels{quantize_int8, quantize_int4};

}  // namespace sampan::avx2
