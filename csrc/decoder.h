// The whole step of a decoder (Qwen2, Llama) over the kernels: embed, attend, feed forward, sample.
//
// It knows a flat batch of tokens, block tables and packed weights that somebody else keeps alive; it owns the KV cache,
// the threads and its working memory, which grows to the largest batch seen and is then used again.
#pragma once

#include <cstdint>
#include <vector>

#include "memory.h"
#include "sampan/kernels.h"
#include "thread_pool.h"

namespace sampan {

// Rows whose logits are kept at a time: a prompt whose every token is looked at has thousands, each of them a vocabulary
// wide. As many as a thread takes of a matrix product, so the weights are read no more often for it.
inline constexpr std::int64_t kLogitRows = 128;

struct DecoderShape {
  std::int64_t num_layers;
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_heads;
  std::int64_t num_kv_heads;
  std::int64_t head_dim;
  std::int64_t vocab_size;
  float rms_norm_eps;
  std::vector<float> inverse_frequencies;  // [head_dim / 2], radians per position

  std::int64_t q_size() const { return num_heads * head_dim; }
  std::int64_t kv_size() const { return num_kv_heads * head_dim; }
  std::int64_t qkv_size() const { return q_size() + 2 * kv_size(); }
  std::int64_t group_heads() const { return num_heads / num_kv_heads; }
};

struct LayerWeights {
  const float* input_layernorm;           // [hidden]
  const float* post_attention_layernorm;  // [hidden]
  Matrix qkv_proj;                        // rows: q heads, k heads, v heads
  const float* qkv_bias;                  // [qkv_size] or nullptr
  Matrix o_proj;
  Matrix gate_up_proj;  // rows: gate, up
  Matrix down_proj;
};

struct EmbeddingTable {
  EmbeddingFormat format;
  const void* codes;            // [vocab, hidden]
  const std::uint16_t* scales;  // [vocab, hidden / kGroupSize] for int8
};

struct DecoderWeights {
  EmbeddingTable embed_tokens;
  std::vector<LayerWeights> layers;
  const float* norm;
  Matrix lm_head;
};

// See `sampan.backends.base.ForwardBatch`; the arrays outlive the step.
struct Batch {
  std::int64_t num_tokens;
  std::int64_t num_requests;
  std::int64_t num_samples;
  std::int64_t num_pooled;
  std::int64_t blocks_per_request;
  const std::int32_t* token_ids;      // [T]
  const std::int32_t* positions;      // [T]
  const std::int32_t* query_starts;   // [R + 1]
  const std::int32_t* block_tables;   // [R, blocks_per_request]
  const std::int32_t* sample_rows;    // [S]
  const std::int32_t* pooled_rows;    // [P]
};

class Decoder {
 public:
  Decoder(DecoderShape shape, DecoderWeights weights, const KernelTable& kernels, int num_threads, bool pin);

  // Throws std::bad_alloc: there is no room for that many blocks.
  void allocate_kv_cache(std::int64_t num_blocks, KvFormat format);
  static std::int64_t kv_bytes_per_block(const DecoderShape& shape, KvFormat format);

  // Runs the layers.
  // Throws std::invalid_argument, before anything is written: an id, position, row or block is out of range.
  void forward(const Batch& batch);

  // What the layers have made of the pooled rows, behind the last norm: [P, hidden_size], good until the next call.
  const float* hidden_states(const Batch& batch);

  // The logits of `count` sample rows from `first` on, at most kLogitRows: [count, logits_stride()], good until the next
  // call.
  const float* logits(const Batch& batch, std::int64_t first, std::int64_t count);
  std::int64_t logits_stride() const { return weights_.lm_head.panels() * kPanel; }

  // Draws from those logits, of which ids from `vocab_limit` on are padding: row i by rows[i] into tokens[i]. Where it
  // asks for log-probabilities, their ids and values go to logprob_ids and logprobs at i * logprob_stride.
  void sample(const SamplingRow* rows, std::int64_t count, std::int64_t vocab_limit, SampledToken* tokens,
              std::int32_t* logprob_ids, float* logprobs, std::int64_t logprob_stride);

 private:
  // Tokens of one request that attend together to one KV head, over the segments segment_begin ... segment_end - 1.
  struct AttentionItem {
    Queries queries;          // q and kv_head as offsets, complete but for the layer
    std::int64_t token;       // of the first query
    std::int64_t segment_begin;
    std::int64_t segment_end;
    std::int64_t partial;     // offset in partials_ where the context is shared out, -1 where this item finishes alone
  };
  struct FoldItem {
    std::int64_t first_item;  // of the items of one query, in ascending order of segments
    std::int64_t num_items;
  };

  void check(const Batch& batch) const;
  void reserve(const Batch& batch);
  void plan_attention(const Batch& batch);
  void embed(const Batch& batch);
  void attention_block(const Batch& batch, std::int64_t layer);
  void feed_forward_block(const Batch& batch, std::int64_t layer);
  void store_keys_and_values(const Batch& batch, std::int64_t layer);
  void attend(std::int64_t layer);
  void norm_rows(std::int64_t rows, const float* weight, bool add, Format format, const std::int32_t* picked = nullptr);
  void matmul(std::int64_t rows, const Matrix& w, float* y, std::int64_t y_stride);
  void quantize(std::int64_t row, std::int64_t begin, std::int64_t k, std::int64_t row_size);
  KvLayer cache(std::int64_t layer) const;

  DecoderShape shape_;
  DecoderWeights weights_;
  KernelTable kernels_;
  ThreadPool pool_;

  KvFormat kv_format_ = KvFormat::fp32;
  std::int64_t num_blocks_ = 0;
  Memory kv_;

  // Working memory, by token of the batch.
  Buffer<float> hidden_;        // [T, hidden]: the residual stream
  Buffer<float> inputs_;        // [T, widest k]: of the next matmul, as floats
  Buffer<std::int8_t> codes_;   // the same, quantised
  Buffer<float> scales_;
  Buffer<std::int32_t> sums_;
  Buffer<float> outputs_;       // [T, outputs_stride_]: of the last matmul
  Buffer<float> rotations_;     // [T, head_dim]: cosines, then sines
  Buffer<float> logits_;        // [kLogitRows, logits_stride()]
  Buffer<float> partials_;      // of shared contexts
  Buffer<std::byte> scratch_;   // [threads, scratch_size_]
  std::int64_t outputs_stride_ = 0;
  std::int64_t scratch_size_ = 0;
  std::vector<AttentionItem> items_;
  std::vector<FoldItem> folds_;
  std::vector<std::int32_t> request_of_;  // [T]
};

}  // namespace sampan
