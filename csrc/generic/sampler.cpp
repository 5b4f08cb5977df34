#include "vec.h"  // first: the others are written over it

#include "double_vec.h"
#include "vector/sampler.h"

namespace sampan::generic {

const SamplerKernels sampler_kernels{sample_with_passes};

}  // namespace sampan::generic
