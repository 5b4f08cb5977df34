#include "vec.h"

#include "vector/elementwise.h"

namespace sampan::generic {

const ElementwiseKernels elementwise_kernels{rms_norm, add, swiglu, rope, embed};

}  // namespace sampan::generic
