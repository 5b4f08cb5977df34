#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>

#include "../philox.h"
#include "sampling_batch.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

constexpr std::align_val_t kAlignment{64};

struct FreeAligned {
  void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
};

// logits [S, V] are overwritten; logprob_ids and logprobs [S, 1 + the most that a row asks for].
void sample(Matrix2<float> logits, nb::handle python_batch, Vector<std::int32_t> token_ids, Vector<std::int32_t> ranks,
            Matrix2<std::int32_t> logprob_ids, Matrix2<float> logprobs, const std::optional<std::string>& isa) {
  const auto rows = static_cast<std::int64_t>(logits.shape(0));
  const auto vocab_size = static_cast<std::int64_t>(logits.shape(1));
  if (vocab_size == 0) throw std::invalid_argument("logits must have at least one column");
  const SamplingBatch batch(python_batch, rows, vocab_size);
  std::int64_t columns = 0;
  for (std::int64_t i = 0; i < rows; ++i) columns = std::max(columns, std::int64_t{batch.row(i).num_logprobs} + 1);
  for (const std::int64_t* shape : {logprob_ids.shape_ptr(), logprobs.shape_ptr()}) {
    if (shape[0] != rows || shape[1] != columns) {
      throw std::invalid_argument("logprob_ids and logprobs must be [rows, 1 + the most that a row asks for]");
    }
  }
  if (token_ids.shape(0) != logits.shape(0) || ranks.shape(0) != logits.shape(0)) {
    throw std::invalid_argument("token_ids and ranks must have one entry for each row of logits");
  }

  batch.wait_for_masks();
  const SamplerKernels& kernels = *kernels_of(isa).sampler;
  const nb::gil_scoped_release nogil;
  const auto size = static_cast<std::size_t>(sampler_scratch_size(vocab_size));
  const std::unique_ptr<void, FreeAligned> scratch(::operator new(size, kAlignment));
  for (std::int64_t i = 0; i < rows; ++i) {
    const SampledToken drawn =
        kernels.sample_row(logits.data() + i * vocab_size, vocab_size, batch.row(i), scratch.get(),
                           logprob_ids.data() + i * columns, logprobs.data() + i * columns);
    token_ids(i) = drawn.token;
    ranks(i) = drawn.rank;
  }
}

}  // namespace

void bind_sampler(nb::module_& m) {
  m.def("sample", &sample, "logits"_a.noconvert(), "batch"_a, "token_ids"_a.noconvert(), "ranks"_a.noconvert(),
        "logprob_ids"_a.noconvert(), "logprobs"_a.noconvert(), "isa"_a = nb::none());
  m.def("uniform", &uniform, "seed"_a, "position"_a);
}

}  // namespace sampan::binding
