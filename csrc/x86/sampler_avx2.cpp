#include "vec_avx2.h"  // first: the others are written over it

#include "double_vec_avx2.h"
#include "vector/sampler.h"

namespace sampan::avx2 {

const SamplerKernels sampler_kernels{sample_with_passes};

}  // namespace sampan::avx2
