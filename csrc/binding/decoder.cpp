#include "decoder.h"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "binding.h"
#include "formats.h"
#include "sampling_batch.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

constexpr std::pair<const char*, EmbeddingFormat> kEmbeddingFormats[] = {{"int8", EmbeddingFormat::int8},
                                                                         {"bf16", EmbeddingFormat::bf16},
                                                                         {"fp16", EmbeddingFormat::fp16},
                                                                         {"fp32", EmbeddingFormat::fp32}};
constexpr std::pair<const char*, KvFormat> kKvFormats[] = {
    {"fp32", KvFormat::fp32}, {"bf16", KvFormat::bf16}, {"fp16", KvFormat::fp16}, {"int8", KvFormat::int8}};

// Finds tensors by the names of `sampan.quant.layout` and checks that each has the size that the shape asks for.
class Tensors {
 public:
  Tensors(nb::dict tensors, nb::dict formats) : tensors_(std::move(tensors)), formats_(std::move(formats)) {}

  template <typename T>
  const T* get(const std::string& name, std::int64_t bytes) const {
    if (!tensors_.contains(name.c_str())) throw std::invalid_argument("tensor '" + name + "' is missing");
    const auto array = nb::cast<Array>(tensors_[name.c_str()]);
    if (static_cast<std::int64_t>(array.nbytes()) != bytes) {
      throw std::invalid_argument("tensor '" + name + "' has " + std::to_string(array.nbytes()) + " bytes and should have " +
                                  std::to_string(bytes));
    }
    if (reinterpret_cast<std::uintptr_t>(array.data()) % 64 != 0) {
      throw std::invalid_argument("tensor '" + name + "' is not aligned to 64 bytes");
    }
    return static_cast<const T*>(array.data());
  }

  const float* vector(const std::string& name, std::int64_t n) const { return get<float>(name, n * 4); }
  bool has(const std::string& name) const { return tensors_.contains(name.c_str()); }
  std::string format(const std::string& name) const { return nb::cast<std::string>(formats_[name.c_str()]); }

  Matrix matrix(const std::string& name, std::int64_t n, std::int64_t k) const {
    Matrix w{find(kFormats, format(name)), n, k, nullptr, nullptr};
    const std::int64_t values = w.panels() * kPanel * k;
    w.codes = get<void>(name + ".codes", values * bits_of(w.format) / 8);
    if (is_quantized(w.format)) {
      if (k % kGroupSize != 0) throw std::invalid_argument("tensor '" + name + "' is not a whole number of groups wide");
      w.scales = get<std::uint16_t>(name + ".scales", values / kGroupSize * 2);
    }
    return w;
  }

  EmbeddingTable embedding(const std::string& name, std::int64_t n, std::int64_t k) const {
    EmbeddingTable table{find(kEmbeddingFormats, format(name)), nullptr, nullptr};
    table.codes = get<void>(name + ".codes", n * k * bits_of(find(kFormats, format(name))) / 8);
    if (table.format == EmbeddingFormat::int8) table.scales = get<std::uint16_t>(name + ".scales", n * (k / kGroupSize) * 2);
    return table;
  }

 private:
  nb::dict tensors_;
  nb::dict formats_;
};

DecoderWeights collect(const DecoderShape& shape, const Tensors& tensors) {
  const std::int64_t hidden = shape.hidden_size;
  DecoderWeights weights{
      tensors.embedding("embed_tokens", shape.vocab_size, hidden), {}, tensors.vector("norm", hidden),
      tensors.matrix("lm_head", shape.vocab_size, hidden)};
  for (std::int64_t i = 0; i < shape.num_layers; ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    weights.layers.push_back({
        .input_layernorm = tensors.vector(prefix + "input_layernorm", hidden),
        .post_attention_layernorm = tensors.vector(prefix + "post_attention_layernorm", hidden),
        .qkv_proj = tensors.matrix(prefix + "qkv_proj", shape.qkv_size(), hidden),
        .qkv_bias = tensors.has(prefix + "qkv_proj.bias") ? tensors.vector(prefix + "qkv_proj.bias", shape.qkv_size()) : nullptr,
        .o_proj = tensors.matrix(prefix + "o_proj", hidden, shape.q_size()),
        .gate_up_proj = tensors.matrix(prefix + "gate_up_proj", 2 * shape.intermediate_size, hidden),
        .down_proj = tensors.matrix(prefix + "down_proj", hidden, shape.intermediate_size),
    });
  }
  return weights;
}

// A decoder and the arrays that its weights lie in.
class PyDecoder {
 public:
  PyDecoder(std::int64_t num_layers, std::int64_t hidden_size, std::int64_t intermediate_size, std::int64_t num_heads,
            std::int64_t num_kv_heads, std::int64_t head_dim, std::int64_t vocab_size, float rms_norm_eps,
            std::vector<float> inverse_frequencies, nb::dict tensors, nb::dict formats, int num_threads, bool pin,
            const std::optional<std::string>& isa)
      : tensors_(tensors),
        shape_{num_layers,   hidden_size,  intermediate_size, num_heads,
               num_kv_heads, head_dim,     vocab_size,        rms_norm_eps,
               std::move(inverse_frequencies)},
        decoder_(shape_, collect(shape_, Tensors(tensors, formats)), kernels_of(isa), num_threads, pin) {}

  std::int64_t kv_bytes_per_block(const std::string& format) const {
    return Decoder::kv_bytes_per_block(shape_, find(kKvFormats, format));
  }

  void allocate_kv_cache(std::int64_t num_blocks, const std::string& format) {
    decoder_.allocate_kv_cache(num_blocks, find(kKvFormats, format));
  }

  // Runs the step and copies the logits out: [S, vocab_limit].
  void logits(nb::handle batch, Matrix2<float> out) {
    const ForwardArrays arrays(batch);
    if (out.shape(0) != arrays.sample_rows.shape(0) || static_cast<std::int64_t>(out.shape(1)) > shape_.vocab_size) {
      throw std::invalid_argument("logits must have one row for each sample");
    }
    const nb::gil_scoped_release nogil;
    const Batch flat = arrays.batch();
    decoder_.forward(flat);
    for (std::int64_t first = 0; first < flat.num_samples; first += kLogitRows) {
      const std::int64_t rows = std::min(kLogitRows, flat.num_samples - first);
      const float* logits = decoder_.logits(flat, first, rows);
      for (std::int64_t row = 0; row < rows; ++row) {
        std::copy_n(logits + row * decoder_.logits_stride(), out.shape(1), &out(first + row, 0));
      }
    }
  }

  // Runs the step and draws: tokens [S], ranks [S], and log-probabilities of up to ids.shape(1) tokens for each row.
  // Hidden states of the pooled rows: [P, hidden_size].
  void step(nb::handle batch, std::int64_t vocab_limit, Vector<std::int32_t> tokens, Vector<std::int32_t> ranks,
            Matrix2<std::int32_t> logprob_ids, Matrix2<float> logprobs, Matrix2<float> hidden) {
    const ForwardArrays arrays(batch);
    const std::size_t count = arrays.sample_rows.shape(0);
    if (vocab_limit < 1 || vocab_limit > shape_.vocab_size) throw std::invalid_argument("vocab_limit is out of range");
    if (tokens.shape(0) != count || ranks.shape(0) != count || logprob_ids.shape(0) != count ||
        logprobs.shape(0) != count || logprobs.shape(1) != logprob_ids.shape(1)) {
      throw std::invalid_argument("outputs must have one row for each sample");
    }
    if (hidden.shape(0) != arrays.pooled_rows.shape(0) || static_cast<std::int64_t>(hidden.shape(1)) != shape_.hidden_size) {
      throw std::invalid_argument("hidden states must have one row for each pooled row");
    }
    const SamplingBatch sampling(batch.attr("sampling"), static_cast<std::int64_t>(count), vocab_limit);
    rows_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      rows_.push_back(sampling.row(static_cast<std::int64_t>(i)));
      if (rows_.back().num_logprobs >= static_cast<std::int64_t>(logprobs.shape(1))) {
        throw std::invalid_argument("a row asks for more log-probabilities than there is room for");
      }
    }
    sampled_.resize(count);
    const nb::gil_scoped_release nogil;
    const Batch flat = arrays.batch();
    decoder_.forward(flat);
    if (flat.num_pooled > 0) std::copy_n(decoder_.hidden_states(flat), hidden.size(), hidden.data());
    const auto stride = static_cast<std::int64_t>(logprobs.shape(1));
    for (std::int64_t first = 0; first < flat.num_samples; first += kLogitRows) {
      const std::int64_t rows = std::min(kLogitRows, flat.num_samples - first);
      decoder_.logits(flat, first, rows);
      if (first == 0 && sampling.has_masks()) {  // written meanwhile
        const nb::gil_scoped_acquire gil;
        sampling.wait_for_masks();
      }
      decoder_.sample(rows_.data() + first, rows, vocab_limit, sampled_.data() + first, logprob_ids.data() + first * stride,
                      logprobs.data() + first * stride, stride);
    }
    for (std::size_t i = 0; i < count; ++i) {
      tokens(i) = sampled_[i].token;
      ranks(i) = sampled_[i].rank;
    }
  }

 private:
  // A `sampan.backends.base.ForwardBatch`.
  struct ForwardArrays {
    explicit ForwardArrays(nb::handle batch)
        : token_ids(read(batch, "token_ids")),
          positions(read(batch, "positions")),
          query_starts(read(batch, "query_starts")),
          sample_rows(read(batch, "sample_rows")),
          pooled_rows(read(batch, "pooled_rows")),
          block_tables(nb::cast<Matrix2<const std::int32_t>>(batch.attr("block_tables"))) {
      if (positions.shape(0) != token_ids.shape(0) || query_starts.shape(0) != block_tables.shape(0) + 1) {
        throw std::invalid_argument("the arrays of a batch do not fit together");
      }
    }

    static Vector<const std::int32_t> read(nb::handle batch, const char* name) {
      return nb::cast<Vector<const std::int32_t>>(batch.attr(name));
    }

    Batch batch() const {
      return {
          .num_tokens = static_cast<std::int64_t>(token_ids.shape(0)),
          .num_requests = static_cast<std::int64_t>(block_tables.shape(0)),
          .num_samples = static_cast<std::int64_t>(sample_rows.shape(0)),
          .num_pooled = static_cast<std::int64_t>(pooled_rows.shape(0)),
          .blocks_per_request = static_cast<std::int64_t>(block_tables.shape(1)),
          .token_ids = token_ids.data(),
          .positions = positions.data(),
          .query_starts = query_starts.data(),
          .block_tables = block_tables.data(),
          .sample_rows = sample_rows.data(),
          .pooled_rows = pooled_rows.data(),
      };
    }

    Vector<const std::int32_t> token_ids;
    Vector<const std::int32_t> positions;
    Vector<const std::int32_t> query_starts;
    Vector<const std::int32_t> sample_rows;
    Vector<const std::int32_t> pooled_rows;
    Matrix2<const std::int32_t> block_tables;
  };

  nb::dict tensors_;
  DecoderShape shape_;
  Decoder decoder_;
  std::vector<SamplingRow> rows_;
  std::vector<SampledToken> sampled_;
};

}  // namespace

void bind_decoder(nb::module_& m) {
  nb::class_<PyDecoder>(m, "Decoder")
      .def(nb::init<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, float,
                    std::vector<float>, nb::dict, nb::dict, int, bool, const std::optional<std::string>&>(),
           nb::kw_only(), "num_layers"_a, "hidden_size"_a, "intermediate_size"_a, "num_heads"_a, "num_kv_heads"_a,
           "head_dim"_a, "vocab_size"_a, "rms_norm_eps"_a, "inverse_frequencies"_a, "tensors"_a, "formats"_a,
           "num_threads"_a, "pin"_a = false, "isa"_a = nb::none())
      .def("kv_bytes_per_block", &PyDecoder::kv_bytes_per_block, "format"_a)
      .def("allocate_kv_cache", &PyDecoder::allocate_kv_cache, "num_blocks"_a, "format"_a)
      .def("logits", &PyDecoder::logits, "batch"_a, "out"_a.noconvert())
      .def("step", &PyDecoder::step, "batch"_a, "vocab_limit"_a, "tokens"_a.noconvert(), "ranks"_a.noconvert(),
           "logprob_ids"_a.noconvert(), "logprobs"_a.noconvert(), "hidden"_a.noconvert());
}

}  // namespace sampan::binding
