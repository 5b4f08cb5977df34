#include <algorithm>
#include <limits>

#include "harness.h"

namespace sampan::tests {
namespace {

struct Output {
  explicit Output(std::int64_t num_logprobs) : ids(num_logprobs + 1), logprobs(num_logprobs + 1) {}

  SampledToken drawn{};
  Array<std::int32_t> ids;
  Array<float> logprobs;
};

// Distinct ids.
Array<std::int32_t> some_ids(Random& random, std::int64_t vocab_size) {
  const std::int64_t step = random.integer(1, vocab_size);
  std::int64_t next = random.integer(0, step - 1);
  const Array<std::int32_t> ids(random.one_in(2) ? 0 : (vocab_size - next + step - 1) / step, [&] {
    const auto id = static_cast<std::int32_t>(next);
    next += step;
    return id;
  });
  return ids;
}

Output sample(Isa isa, const Array<float>& logits, const SamplingRow& row) {
  const Array<float> copy(logits);
  const Array<std::byte> scratch(sampler_scratch_size(logits.size()));
  Output output(row.num_logprobs);
  output.drawn = kernels(isa).sampler->sample_row(copy.data(), copy.size(), row, scratch.data(), output.ids.data(),
                                                  output.logprobs.data());
  return output;
}

void test_sample_row(Case& test) {
  Random& random = test.random;
  const std::int64_t vocab_size = random.one_in(10) ? random.integer(1000, 20'000) : random.integer(1, 300);
  const Values values = random.one_of(kAllValues);
  const bool coarse = random.one_in(4);  // many logits are equal
  const Array<float> logits(vocab_size, [&] {
    const float logit = 3.0f * value(random, values);
    return coarse ? std::nearbyint(logit) : logit;
  });
  const Array<std::int32_t> seen_ids = some_ids(random, vocab_size);
  const Array<float> counts(seen_ids.size(), [&] { return static_cast<float>(random.integer(0, 3)); });
  const Array<std::int32_t> bias_ids = some_ids(random, vocab_size);
  const bool forbids = random.one_in(4);
  const Array<float> bias(bias_ids.size(), [&] { return forbids && random.one_in(2) ? -INFINITY : random.real(); });
  const bool spares = random.one_in(2);  // forbids all but a few, or few
  const Array<std::uint32_t> allowed((vocab_size + 31) / 32, [&] {
    const auto bits = static_cast<std::uint32_t>(random.one_in(4) ? random.bits() : 0);
    return spares ? bits : ~bits;
  });

  constexpr float kTemperatures[] = {0.0f, 0.0f, 0.05f, 0.6f, 1.0f, 1.0f, 2.0f, 1e-45f, 1e38f};
  constexpr float kTopP[] = {1.0f, 1.0f, 0.999f, 0.95f, 0.5f, 1e-10f};
  constexpr float kMinP[] = {0.0f, 0.0f, 1e-45f, 0.01f, 0.5f, 1.0f};
  constexpr std::int32_t kLogprobs[] = {-1, -1, 0, 1, 5, 400};
  const SamplingRow row{
      .temperature = random.one_of(kTemperatures),
      .top_p = random.one_of(kTopP),
      .min_p = random.one_of(kMinP),
      .top_k = static_cast<std::int32_t>(random.one_in(2) ? 0 : random.integer(1, vocab_size + 1)),
      .seed = random.bits(),
      .position = random.integer(0, std::numeric_limits<std::int64_t>::max() - 1),
      .repetition_penalty = 1.0f + 0.5f * std::fabs(random.real()),
      .presence_penalty = random.real(),
      .frequency_penalty = random.real(),
      .num_logprobs = random.one_of(kLogprobs),
      .num_seen = seen_ids.size(),
      .seen_ids = seen_ids.data(),
      .seen_counts = counts.data(),
      .num_bias = bias_ids.size(),
      .bias_ids = bias_ids.data(),
      .bias_values = bias.data(),
      .given = static_cast<std::int32_t>(random.one_in(4) ? random.integer(0, vocab_size - 1) : -1),
      .allowed = random.one_in(4) ? allowed.data() : nullptr,
  };
  test.about = "vocabulary " + std::to_string(vocab_size) + ", temperature " + std::to_string(row.temperature);

  const Output expected = sample(Isa::generic, logits, row);
  const bool sound = std::all_of(logits.data(), logits.data() + vocab_size, [](float x) { return std::isfinite(x); });
  test.require(sound || expected.drawn.token == kNoToken, Isa::generic, "drew from what is not finite");
  test.require(expected.drawn.token >= kNoToken && expected.drawn.token < vocab_size, Isa::generic, "no token");
  for (const Isa isa : test.isas) {
    const Output actual = sample(isa, logits, row);
    test.same(&actual.drawn.token, &expected.drawn.token, 1, isa, "token");
    test.same(&actual.drawn.rank, &expected.drawn.rank, 1, isa, "rank");
    test.same(actual.ids, expected.ids, isa, "ids");
    test.same(actual.logprobs, expected.logprobs, isa, "log-probabilities");
  }
}

}  // namespace

const std::vector<Test> kSamplerTests{{"sample_row", 4000, test_sample_row}};

}  // namespace sampan::tests
