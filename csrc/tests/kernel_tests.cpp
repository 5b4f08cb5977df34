// Every kernel of every instruction set of this machine against the generic one, on random shapes and values.
//
//   kernel_tests [--seed N] [--percent N] [--isa NAME] [--test NAME] [--case N]
//
// --percent scales the number of cases. A failure names its test and case; with the same seed, --test and --case run
// that one alone.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "harness.h"

namespace sampan::tests {
namespace {

struct Options {
  std::uint64_t seed = 1;
  std::int64_t percent = 100;
  std::int64_t only_case = -1;
  std::string_view only_test;
  std::vector<Isa> isas;
};

Options read_options(int argc, char** argv) {
  Options options;
  options.isas.assign(supported_isas().begin() + 1, supported_isas().end());
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--percent") {
      options.percent = std::atoll(value);
    } else if (name == "--isa") {
      options.isas = {isa_from_name(value)};
    } else if (name == "--test") {
      options.only_test = value;
    } else if (name == "--case") {
      options.only_case = std::atoll(value);
    } else {
      throw std::invalid_argument("unknown option " + std::string(name));
    }
  }
  if (argc % 2 == 0) throw std::invalid_argument("option " + std::string(argv[argc - 1]) + " wants a value");
  return options;
}

// Returns how many cases failed.
int run(const Test& test, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t count = std::max<std::int64_t>(1, test.cases * options.percent / 100);
  const bool one = options.only_case >= 0;
  int failures = 0;
  for (std::int64_t i = one ? options.only_case : 0; i < (one ? options.only_case + 1 : count) && failures < 3; ++i) {
    Case now(test.name, options.seed, i, options.isas);
    test.run(now);
    failures += now.failed();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%-24s %5lld cases  %6.1f s  %s\n", test.name, static_cast<long long>(one ? 1 : count), seconds.count(),
              failures == 0 ? "ok" : "FAILED");
  std::fflush(stdout);
  return failures;
}

int run_all(const Options& options) {
  std::printf("generic against");
  for (const Isa isa : options.isas) std::printf(" %s", name_of(isa));
  std::printf("%s\n", options.isas.empty() ? " itself: this machine has nothing else" : "");
  int failures = 0;
  int ran = 0;
  for (const auto* tests : {&kMatmulTests, &kFloatMatmulTests, &kElementwiseTests, &kAttentionTests, &kSamplerTests,
                            &kChecksumTests, &kPackTests, &kLimitTests}) {
    for (const Test& test : *tests) {
      if (!options.only_test.empty() && options.only_test != test.name) continue;
      failures += run(test, options);
      ++ran;
    }
  }
  if (ran == 0) throw std::invalid_argument("no test has that name");
  std::printf(failures == 0 ? "all kernels agree\n" : "%d cases FAILED\n", failures);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace sampan::tests

int main(int argc, char** argv) {
  try {
    return sampan::tests::run_all(sampan::tests::read_options(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kernel_tests: %s\n", error.what());
    return 2;
  }
}
