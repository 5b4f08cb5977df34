#include "vec.h"

#include "vector/attention.h"

namespace sampan::generic {

const AttentionKernels attention_kernels{store_kv, attend_segment, fold_partials, finish_partials};

}  // namespace sampan::generic
