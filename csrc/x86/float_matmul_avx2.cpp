#include "vec_avx2.h"

#include "vector/float_matmul.h"

namespace sampan::avx2 {

const FloatMatmulKernels float_matmul_kernels{matmul};

}  // namespace sampan::avx2
