#include "vec_avx2.h"

#include "vector/attention.h"

namespace sampan::avx2 {

const AttentionKernels attention_kernels{store_kv, attend_segment, fold_partials, finish_partials};

}  // namespace sampan::avx2
