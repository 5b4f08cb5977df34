#include "vec_avx512.h"

#include "vector/float_matmul.h"

namespace sampan::avx512 {

const FloatMatmulKernels float_matmul_kernels{matmul};

}  // namespace sampan::avx512
