#include "vec_avx512.h"

#include "vector/elementwise.h"

namespace sampan::avx512 {

const ElementwiseKernels elementwise_kernels{rms_norm, add, swiglu, rope, embed};

}  // namespace sampan::avx512
