#include "harness.h"

namespace sampan::tests {
namespace {

// They return nothing to compare: what counts is that they stay within the buffer.
void test_limits(Case& test) {
  const Array<std::uint8_t> buffer(kReadUnit * test.random.integer(0, 9));
  std::vector<Isa> isas = test.isas;
  isas.push_back(Isa::generic);
  for (const Isa isa : isas) {
    const LimitKernels& limits = *kernels(isa).limits;
    limits.read_stream(buffer.data(), buffer.size());
    test.require(limits.fp32.macs_per_round > 0, isa, "no products");
    limits.fp32.run(test.random.integer(0, 3));
    for (const MacLoop& loop : limits.int8) {
      if (loop.run != nullptr) loop.run(test.random.integer(0, 3));
    }
  }
}

}  // namespace

const std::vector<Test> kLimitTests{{"limits", 20, test_limits}};

}  // namespace sampan::tests
