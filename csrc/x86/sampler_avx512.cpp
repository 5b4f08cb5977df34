#include "vec_avx512.h"  // first: the others are written over it

#include "double_vec_avx512.h"
#include "vector/sampler.h"

namespace sampan::avx512 {

const SamplerKernels sampler_kernels{sample_with_passes};

}  // namespace sampan::avx512
