#include "vec_avx2.h"

#include "vector/elementwise.h"

namespace sampan::avx2 {

const ElementwiseKernels elementwise_kernels{rms_norm, add, swiglu, rope, embed};

}  // namespace sampan::avx2
