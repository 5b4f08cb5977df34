#include "vec.h"

#include "vector/pack.h"

namespace sampan::generic {

const PackKernels pack_kernels{quantize_int8, quantize_int4};

}  // namespace sampan::generic
