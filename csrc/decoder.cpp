#include "decoder.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace sampan {
namespace {

// Pieces of a matrix product that one thread takes at a time: small, so that a thread that loses its core delays little,
// and large enough for a kernel to read long runs of weights and to reuse the activations that it lays out. Each thread
// finds several, as far as there are panels.
constexpr std::int64_t kMinPiecePanels = 4;
constexpr std::int64_t kMaxPiecePanels = 16;
constexpr std::int64_t kPieceRows = kLogitRows;
constexpr std::int64_t kPiecesPerThread = 4;
constexpr std::int64_t kPieceSwiGlu = 2048;  // a multiple of kGroupSize

// With fewer pieces of attention than this for each thread, long contexts are shared out segment by segment.
constexpr std::int64_t kAttentionPieces = 8;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

std::int64_t bytes_of(KvFormat format) {
  switch (format) {
    case KvFormat::int8:
      return 1;
    case KvFormat::bf16:
    case KvFormat::fp16:
      return 2;
    case KvFormat::fp32:
      break;
  }
  return 4;
}

}  // namespace

Decoder::Decoder(DecoderShape shape, DecoderWeights weights, const KernelTable& kernels, int num_threads, bool pin)
    : shape_(std::move(shape)), weights_(std::move(weights)), kernels_(kernels), pool_(num_threads, pin) {
  for (const LayerWeights& layer : weights_.layers) {
    for (const Matrix* w : {&layer.qkv_proj, &layer.o_proj, &layer.gate_up_proj, &layer.down_proj}) {
      outputs_stride_ = std::max(outputs_stride_, w->panels() * kPanel);
    }
  }
}

std::int64_t Decoder::kv_bytes_per_block(const DecoderShape& shape, KvFormat format) {
  const std::int64_t scales = format == KvFormat::int8 ? 2 * shape.num_kv_heads * kBlock * 4 : 0;
  return shape.num_layers * (2 * shape.kv_size() * kBlock * bytes_of(format) + scales);
}

void Decoder::allocate_kv_cache(std::int64_t num_blocks, KvFormat format) {
  kv_ = Memory();
  kv_ = Memory(static_cast<std::size_t>(num_blocks * kv_bytes_per_block(shape_, format)));
  kv_format_ = format;
  num_blocks_ = num_blocks;
}

// Block by block, and in a block layer by layer: a short context then touches few pages, which the system clears when they
// are first touched. With huge pages and layer by layer, the first token of all costs a page for each side of each layer.
KvLayer Decoder::cache(std::int64_t layer) const {
  const std::int64_t side = shape_.kv_size() * kBlock * bytes_of(kv_format_);
  const std::int64_t block = kv_bytes_per_block(shape_, kv_format_);
  std::byte* keys = kv_.data() + layer * (block / shape_.num_layers);
  std::byte* values = keys + side;
  KvLayer cache{kv_format_, shape_.num_kv_heads, shape_.head_dim, keys, values, nullptr, nullptr, block, block / 4};
  if (kv_format_ == KvFormat::int8) {
    cache.key_scales = reinterpret_cast<float*>(values + side);
    cache.value_scales = cache.key_scales + shape_.num_kv_heads * kBlock;
  }
  return cache;
}

void Decoder::check(const Batch& batch) const {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("batch: ") + what + " is out of range");
  };
  require(batch.query_starts[0] == 0 && batch.query_starts[batch.num_requests] == batch.num_tokens, "query_starts");
  for (std::int64_t r = 0; r < batch.num_requests; ++r) {
    const std::int32_t begin = batch.query_starts[r];
    const std::int32_t end = batch.query_starts[r + 1];
    require(begin < end, "query_starts");
    const std::int64_t first = batch.positions[begin];
    require(first >= 0, "a position");
    for (std::int64_t t = begin; t < end; ++t) {
      require(batch.token_ids[t] >= 0 && batch.token_ids[t] < shape_.vocab_size, "a token id");
      require(batch.positions[t] == first + (t - begin), "a position");
    }
    const std::int64_t num_blocks = ceil_div(first + (end - begin), kBlock);
    require(num_blocks <= batch.blocks_per_request, "a position");
    for (std::int64_t b = 0; b < num_blocks; ++b) {
      const std::int32_t block = batch.block_tables[r * batch.blocks_per_request + b];
      require(block >= 0 && block < num_blocks_, "a block");
    }
  }
  for (std::int64_t s = 0; s < batch.num_samples; ++s) {
    require(batch.sample_rows[s] >= 0 && batch.sample_rows[s] < batch.num_tokens, "a sample row");
  }
  for (std::int64_t p = 0; p < batch.num_pooled; ++p) {
    require(batch.pooled_rows[p] >= 0 && batch.pooled_rows[p] < batch.num_tokens, "a pooled row");
  }
}

void Decoder::reserve(const Batch& batch) {
  const std::int64_t logit_rows = std::min(batch.num_samples, kLogitRows);
  const std::int64_t rows = std::max({batch.num_tokens, logit_rows, batch.num_pooled});
  const std::int64_t widest = std::max({shape_.hidden_size, shape_.q_size(), shape_.intermediate_size});
  hidden_.reserve(rows * shape_.hidden_size);
  inputs_.reserve(rows * widest);
  codes_.reserve(rows * widest);
  scales_.reserve(rows * ceil_div(widest, kGroupSize));
  sums_.reserve(rows * ceil_div(widest, kGroupSize));
  outputs_.reserve(rows * outputs_stride_);
  rotations_.reserve(rows * shape_.head_dim);
  logits_.reserve(logit_rows * logits_stride());
  const std::int64_t running = kMaxQueryTokens * shape_.group_heads() * partial_size(shape_.head_dim) * 4;
  scratch_size_ = round_up(std::max(2 * running, sampler_scratch_size(shape_.vocab_size)), 64);
  scratch_.reserve(pool_.num_threads() * scratch_size_);
}

void Decoder::forward(const Batch& batch) {
  check(batch);
  reserve(batch);
  plan_attention(batch);
  embed(batch);
  for (std::int64_t layer = 0; layer < shape_.num_layers; ++layer) {
    attention_block(batch, layer);
    feed_forward_block(batch, layer);
  }
}

const float* Decoder::hidden_states(const Batch& batch) {
  norm_rows(batch.num_pooled, weights_.norm, true, Format::fp32, batch.pooled_rows);
  return inputs_.data();
}

const float* Decoder::logits(const Batch& batch, std::int64_t first, std::int64_t count) {
  norm_rows(count, weights_.norm, true, weights_.lm_head.format, batch.sample_rows + first);
  matmul(count, weights_.lm_head, logits_.data(), logits_stride());
  return logits_.data();
}

void Decoder::embed(const Batch& batch) {
  const std::int64_t size = shape_.hidden_size;
  const std::int64_t half = shape_.head_dim / 2;
  const EmbeddingTable& table = weights_.embed_tokens;
  const std::int64_t bytes = table.format == EmbeddingFormat::int8 ? 1 : table.format == EmbeddingFormat::fp32 ? 4 : 2;
  pool_.parallel_for(batch.num_tokens, [&](std::int64_t t, int) {
    const std::int64_t id = batch.token_ids[t];
    const std::uint16_t* scales = table.scales == nullptr ? nullptr : table.scales + id * (size / kGroupSize);
    kernels_.elementwise->embed(table.format, static_cast<const std::byte*>(table.codes) + id * size * bytes, scales, size,
                                hidden_.at(t * size));
    // As Hugging Face computes it: the angle in fp32, then its exact cosine and sine.
    for (std::int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(batch.positions[t]) * shape_.inverse_frequencies[i];
      *rotations_.at(t * shape_.head_dim + i) = static_cast<float>(std::cos(static_cast<double>(angle)));
      *rotations_.at(t * shape_.head_dim + half + i) = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  });
}

void Decoder::attention_block(const Batch& batch, std::int64_t layer) {
  const LayerWeights& w = weights_.layers[layer];
  norm_rows(batch.num_tokens, w.input_layernorm, layer > 0, w.qkv_proj.format);
  matmul(batch.num_tokens, w.qkv_proj, outputs_.data(), outputs_stride_);
  store_keys_and_values(batch, layer);
  attend(layer);
  if (is_quantized(w.o_proj.format)) {
    pool_.parallel_for(batch.num_tokens, [&](std::int64_t t, int) { quantize(t, 0, shape_.q_size(), shape_.q_size()); });
  }
  matmul(batch.num_tokens, w.o_proj, outputs_.data(), outputs_stride_);
}

void Decoder::feed_forward_block(const Batch& batch, std::int64_t layer) {
  const LayerWeights& w = weights_.layers[layer];
  const std::int64_t size = shape_.intermediate_size;
  norm_rows(batch.num_tokens, w.post_attention_layernorm, true, w.gate_up_proj.format);
  matmul(batch.num_tokens, w.gate_up_proj, outputs_.data(), outputs_stride_);
  const std::int64_t pieces = ceil_div(size, kPieceSwiGlu);
  pool_.parallel_for(batch.num_tokens * pieces, [&](std::int64_t piece, int) {
    const std::int64_t t = piece / pieces;
    const std::int64_t begin = piece % pieces * kPieceSwiGlu;
    const std::int64_t count = std::min(kPieceSwiGlu, size - begin);
    const float* gate = outputs_.at(t * outputs_stride_ + begin);
    kernels_.elementwise->swiglu(gate, gate + size, count, inputs_.at(t * size + begin));
    if (is_quantized(w.down_proj.format)) quantize(t, begin, count, size);
  });
  matmul(batch.num_tokens, w.down_proj, outputs_.data(), outputs_stride_);
}

// Puts the norm of each row of the residual stream into the next matmul's inputs. With `add`, the last matmul's outputs
// join the stream first. `picked` names the rows of the stream that are wanted; they stay as they are.
void Decoder::norm_rows(std::int64_t rows, const float* weight, bool add, Format format, const std::int32_t* picked) {
  const std::int64_t size = shape_.hidden_size;
  pool_.parallel_for(rows, [&](std::int64_t row, int) {
    float* input = inputs_.at(row * size);
    float* hidden = hidden_.at(row * size);
    const float* output = outputs_.at(row * outputs_stride_);
    if (picked != nullptr) {  // a row may be picked twice
      std::copy_n(hidden_.at(picked[row] * size), size, input);
      hidden = input;
      output = outputs_.at(picked[row] * outputs_stride_);
    }
    if (add) kernels_.elementwise->add(hidden, output, size);
    kernels_.elementwise->rms_norm(hidden, weight, shape_.rms_norm_eps, size, input);
    if (is_quantized(format)) quantize(row, 0, size, size);
  });
}

// Quantises the inputs begin ... begin + k - 1 of a row of row_size.
void Decoder::quantize(std::int64_t row, std::int64_t begin, std::int64_t k, std::int64_t row_size) {
  const std::int64_t at = row * row_size + begin;
  kernels_.matmul->quantize_rows(inputs_.at(at), 1, k, codes_.at(at), scales_.at(at / kGroupSize),
                                 sums_.at(at / kGroupSize));
}

void Decoder::matmul(std::int64_t rows, const Matrix& w, float* y, std::int64_t y_stride) {
  Matmul* kernel = w.format == Format::int8   ? kernels_.matmul->matmul_int8
                   : w.format == Format::int4 ? kernels_.matmul->matmul_int4
                                              : kernels_.float_matmul->matmul;
  if (rows == 0) return;  // a chunk of a prompt samples nothing
  const std::int64_t row_pieces = ceil_div(rows, kPieceRows);
  const std::int64_t groups = w.k / kGroupSize;
  const std::int64_t threads = ceil_div(pool_.num_threads(), row_pieces);  // that share the panels
  const std::int64_t least = std::clamp(w.panels() / threads, std::int64_t{1}, kMinPiecePanels);
  const std::int64_t panels = std::clamp(w.panels() / (kPiecesPerThread * threads), least, kMaxPiecePanels);
  pool_.parallel_for(ceil_div(w.panels(), panels) * row_pieces, [&](std::int64_t piece, int) {
    const std::int64_t row = piece % row_pieces * kPieceRows;
    const std::int64_t panel = piece / row_pieces * panels;
    const Activations x{std::min(kPieceRows, rows - row), w.k,        inputs_.at(row * w.k), codes_.at(row * w.k),
                        scales_.at(row * groups),         sums_.at(row * groups)};
    kernel(x, w, panel, std::min(panel + panels, w.panels()), y + row * y_stride, y_stride);
  });
}

void Decoder::store_keys_and_values(const Batch& batch, std::int64_t layer) {
  const float* bias = weights_.layers[layer].qkv_bias;
  const float q_scale = 1.0f / std::sqrt(static_cast<float>(shape_.head_dim));
  const KvLayer kv = cache(layer);
  pool_.parallel_for(batch.num_tokens, [&](std::int64_t t, int) {
    float* q = outputs_.at(t * outputs_stride_);
    float* keys = q + shape_.q_size();
    const float* cos = rotations_.at(t * shape_.head_dim);
    if (bias != nullptr) kernels_.elementwise->add(q, bias, shape_.qkv_size());
    kernels_.elementwise->rope(q, shape_.num_heads + shape_.num_kv_heads, shape_.head_dim, cos, cos + shape_.head_dim / 2);
    for (std::int64_t i = 0; i < shape_.q_size(); ++i) q[i] *= q_scale;
    const std::int64_t position = batch.positions[t];
    const std::int64_t block = batch.block_tables[request_of_[t] * batch.blocks_per_request + position / kBlock];
    kernels_.attention->store_kv(kv, block, position % kBlock, keys, keys + shape_.kv_size());
  });
}

// The same for every layer. A query's result does not depend on how its context is shared out, so this may look at what
// else is in the batch and at the number of threads.
void Decoder::plan_attention(const Batch& batch) {
  items_.clear();
  folds_.clear();
  request_of_.resize(batch.num_tokens);
  std::int64_t tiles = 0;
  for (std::int64_t r = 0; r < batch.num_requests; ++r) {
    std::fill(request_of_.begin() + batch.query_starts[r], request_of_.begin() + batch.query_starts[r + 1],
              static_cast<std::int32_t>(r));
    tiles += ceil_div(batch.query_starts[r + 1] - batch.query_starts[r], kMaxQueryTokens) * shape_.num_kv_heads;
  }
  const bool share = pool_.num_threads() > 1 && tiles < kAttentionPieces * pool_.num_threads();

  std::int64_t partials = 0;
  for (std::int64_t r = batch.num_requests - 1; r >= 0; --r) {
    const std::int64_t begin = batch.query_starts[r];
    const std::int64_t num_tiles = ceil_div(batch.query_starts[r + 1] - begin, kMaxQueryTokens);
    for (std::int64_t tile = num_tiles - 1; tile >= 0; --tile) {  // the longest first, for the threads' balance
      const std::int64_t token = begin + tile * kMaxQueryTokens;
      const std::int64_t count = std::min(kMaxQueryTokens, batch.query_starts[r + 1] - token);
      const std::int64_t first = batch.positions[token];
      const std::int64_t segments = ceil_div(first + count, kSegment);
      for (std::int64_t head = 0; head < shape_.num_kv_heads; ++head) {
        const Queries queries{nullptr, outputs_stride_, count, shape_.group_heads(), first, head,
                              batch.block_tables + r * batch.blocks_per_request};
        if (!share || segments == 1) {
          items_.push_back({queries, token, 0, segments, -1});
          continue;
        }
        folds_.push_back({static_cast<std::int64_t>(items_.size()), segments});
        for (std::int64_t segment = 0; segment < segments; ++segment) {
          items_.push_back({queries, token, segment, segment + 1, partials});
          partials += count * shape_.group_heads() * partial_size(shape_.head_dim);
        }
      }
    }
  }
  partials_.reserve(partials);
}

void Decoder::attend(std::int64_t layer) {
  const KvLayer kv = cache(layer);
  const std::int64_t heads = shape_.group_heads();
  const std::int64_t head_dim = shape_.head_dim;
  const std::int64_t token_size = heads * partial_size(head_dim);
  const auto finish = [&](const AttentionItem& item, const float* partials) {
    for (std::int64_t i = 0; i < item.queries.num_tokens; ++i) {
      float* out = inputs_.at((item.token + i) * shape_.q_size() + item.queries.kv_head * heads * head_dim);
      kernels_.attention->finish_partials(partials + i * token_size, heads, head_dim, out);
    }
  };

  pool_.parallel_for(static_cast<std::int64_t>(items_.size()), [&](std::int64_t index, int thread) {
    const AttentionItem& item = items_[index];
    Queries queries = item.queries;
    queries.q = outputs_.at(item.token * outputs_stride_ + queries.kv_head * heads * head_dim);
    if (item.partial >= 0) {
      kernels_.attention->attend_segment(kv, queries, item.segment_begin, partials_.at(item.partial));
      return;
    }
    auto* running = reinterpret_cast<float*>(scratch_.at(thread * scratch_size_));
    float* next = running + kMaxQueryTokens * token_size;
    kernels_.attention->attend_segment(kv, queries, 0, running);
    for (std::int64_t segment = 1; segment < item.segment_end; ++segment) {
      kernels_.attention->attend_segment(kv, queries, segment, next);
      kernels_.attention->fold_partials(running, next, queries.num_tokens * heads, head_dim);
    }
    finish(item, running);
  });

  pool_.parallel_for(static_cast<std::int64_t>(folds_.size()), [&](std::int64_t index, int) {
    const AttentionItem& first = items_[folds_[index].first_item];
    float* running = partials_.at(first.partial);
    const std::int64_t count = first.queries.num_tokens * heads;
    for (std::int64_t i = 1; i < folds_[index].num_items; ++i) {
      const float* next = partials_.at(items_[folds_[index].first_item + i].partial);
      kernels_.attention->fold_partials(running, next, count, head_dim);
    }
    finish(first, running);
  });
}

void Decoder::sample(const SamplingRow* rows, std::int64_t count, std::int64_t vocab_limit, SampledToken* tokens,
                     std::int32_t* logprob_ids, float* logprobs, std::int64_t logprob_stride) {
  pool_.parallel_for(count, [&](std::int64_t i, int thread) {
    tokens[i] = kernels_.sampler->sample_row(logits_.at(i * logits_stride()), vocab_limit, rows[i],
                                             scratch_.at(thread * scratch_size_), logprob_ids + i * logprob_stride,
                                             logprobs + i * logprob_stride);
  });
}

}  // namespace sampan
