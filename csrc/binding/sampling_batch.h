// A `sampan.backends.base.SamplingBatch`, read row by row without the GIL.
#pragma once

#include <stdexcept>

#include "binding.h"

namespace sampan::binding {

// Compressed rows, `sampan.backends.base.SparseRows`.
struct SparseRows {
  SparseRows(nb::handle rows, std::int64_t count, std::int64_t vocab_size)
      : starts(nb::cast<Vector<const std::int32_t>>(rows.attr("starts"))),
        ids(nb::cast<Vector<const std::int32_t>>(rows.attr("token_ids"))),
        values(nb::cast<Vector<const float>>(rows.attr("values"))) {
    const auto size = static_cast<std::int64_t>(ids.shape(0));
    bool sound = static_cast<std::int64_t>(starts.shape(0)) == count + 1 && values.shape(0) == ids.shape(0);
    sound = sound && starts(0) == 0 && starts(count) == size;
    for (std::int64_t i = 0; sound && i < count; ++i) sound = starts(i) <= starts(i + 1);
    for (std::int64_t i = 0; sound && i < size; ++i) sound = ids(i) >= 0 && ids(i) < vocab_size;
    if (!sound) throw std::invalid_argument("sparse rows must be in order and name tokens of the vocabulary");
  }

  Vector<const std::int32_t> starts;
  Vector<const std::int32_t> ids;
  Vector<const float> values;
};

class SamplingBatch {
 public:
  // Throws std::invalid_argument: not `count` rows, or a token id that is not in 0 ... vocab_size - 1.
  SamplingBatch(nb::handle batch, std::int64_t count, std::int64_t vocab_size)
      : temperature_(read<float>(batch, "temperature", count)),
        top_k_(read<std::int32_t>(batch, "top_k", count)),
        top_p_(read<float>(batch, "top_p", count)),
        min_p_(read<float>(batch, "min_p", count)),
        seeds_(read<std::uint64_t>(batch, "seeds", count)),
        positions_(read<std::int64_t>(batch, "positions", count)),
        repetition_penalty_(read<float>(batch, "repetition_penalty", count)),
        presence_penalty_(read<float>(batch, "presence_penalty", count)),
        frequency_penalty_(read<float>(batch, "frequency_penalty", count)),
        num_logprobs_(read<std::int32_t>(batch, "num_logprobs", count)),
        seen_(batch.attr("seen"), count, vocab_size),
        bias_(batch.attr("bias"), count, vocab_size),
        allowed_(batch.attr("allowed"), count, vocab_size) {}

  SamplingRow row(std::int64_t i) const {
    const auto span = [i](const SparseRows& rows) { return rows.starts(i + 1) - rows.starts(i); };
    const auto ids = [i](const SparseRows& rows) { return rows.ids.data() + rows.starts(i); };
    const auto values = [i](const SparseRows& rows) { return rows.values.data() + rows.starts(i); };
    return {
        .temperature = temperature_(i),
        .top_p = top_p_(i),
        .min_p = min_p_(i),
        .top_k = top_k_(i),
        .seed = seeds_(i),
        .position = positions_(i),
        .repetition_penalty = repetition_penalty_(i),
        .presence_penalty = presence_penalty_(i),
        .frequency_penalty = frequency_penalty_(i),
        .num_logprobs = num_logprobs_(i),
        .num_seen = span(seen_),
        .seen_ids = ids(seen_),
        .seen_counts = values(seen_),
        .num_bias = span(bias_),
        .bias_ids = ids(bias_),
        .bias_values = values(bias_),
        .num_allowed = span(allowed_),
        .allowed_ids = ids(allowed_),
    };
  }

 private:
  template <typename T>
  static Vector<const T> read(nb::handle batch, const char* name, std::int64_t count) {
    auto values = nb::cast<Vector<const T>>(batch.attr(name));
    if (static_cast<std::int64_t>(values.shape(0)) != count) {
      throw std::invalid_argument(std::string(name) + " must have one entry for each row");
    }
    return values;
  }

  Vector<const float> temperature_;
  Vector<const std::int32_t> top_k_;
  Vector<const float> top_p_;
  Vector<const float> min_p_;
  Vector<const std::uint64_t> seeds_;
  Vector<const std::int64_t> positions_;
  Vector<const float> repetition_penalty_;
  Vector<const float> presence_penalty_;
  Vector<const float> frequency_penalty_;
  Vector<const std::int32_t> num_logprobs_;
  SparseRows seen_;
  SparseRows bias_;
  SparseRows allowed_;
};

}  // namespace sampan::binding
