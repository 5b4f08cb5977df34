#include "vec_avx512.h"

#include "vector/attention.h"

namespace sampan::avx512 {

const AttentionKernels attention_kernels{store_kv, attend_segment, fold_partials, finish_partials};

}  // namespace sampan::avx512
