#include "vec.h"

#include "vector/float_matmul.h"

namespace sampan::generic {

const FloatMatmulKernels float_matmul_kernels{matmul};

}  // namespace sampan::generic
