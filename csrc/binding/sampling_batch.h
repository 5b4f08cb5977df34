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

// Bits of the ids that may be drawn, `sampan.backends.base.TokenMasks`; None masks no row.
struct TokenMasks {
  TokenMasks(nb::handle masks, std::int64_t count, std::int64_t vocab_size) {
    if (masks.is_none()) return;
    ready = nb::borrow(masks.attr("ready"));
    rows = nb::cast<Vector<const std::int32_t>>(masks.attr("rows"));
    bits = nb::cast<Matrix2<const std::uint32_t>>(masks.attr("bits"));
    bool sound = static_cast<std::int64_t>(rows.shape(0)) == count;
    sound = sound && static_cast<std::int64_t>(bits.shape(1)) == (vocab_size + 31) / 32;
    for (std::int64_t i = 0; sound && i < count; ++i) {
      sound = rows(i) < static_cast<std::int64_t>(bits.shape(0));
    }
    if (!sound) throw std::invalid_argument("masks must have a bit for each token and a row for each number");
  }

  const std::uint32_t* row(std::int64_t i) const {
    return ready.is_valid() && rows(i) >= 0 ? &bits(rows(i), 0) : nullptr;
  }

  nb::object ready;  // to be called, with the GIL, before the bits are read
  Vector<const std::int32_t> rows;
  Matrix2<const std::uint32_t> bits;
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
        given_(read<std::int32_t>(batch, "given", count)),
        seen_(batch.attr("seen"), count, vocab_size),
        bias_(batch.attr("bias"), count, vocab_size),
        masks_(batch.attr("masks"), count, vocab_size) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (given_(i) >= vocab_size) throw std::invalid_argument("a given token must be one of the vocabulary");
    }
  }

  // Returns once the masks are written. Wants the GIL.
  void wait_for_masks() const {
    if (masks_.ready.is_valid()) masks_.ready();
  }

  bool has_masks() const { return masks_.ready.is_valid(); }

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
        .given = given_(i),
        .allowed = masks_.row(i),
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
  Vector<const std::int32_t> given_;
  SparseRows seen_;
  SparseRows bias_;
  TokenMasks masks_;
};

}  // namespace sampan::binding
