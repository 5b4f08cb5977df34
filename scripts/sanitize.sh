#!/usr/bin/env bash
# Builds the tests of csrc/tests with the compiler's sanitizers and runs them: the kernels, on every instruction set of
# this machine, under AddressSanitizer and UndefinedBehaviorSanitizer; the thread pool under ThreadSanitizer.
# Wants cmake and ninja on the PATH. `make sanitize` is the same with those of .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

build() { # folder, sanitizers, target
  cmake -S . -B "$1" -G Ninja -DSAMPAN_BUILD_TESTS=ON -DSAMPAN_SANITIZE="$2" >/dev/null
  cmake --build "$1" --target "$3" -- --quiet
}

build build/sanitize-threads thread thread_pool_tests
build/sanitize-threads/thread_pool_tests

build build/sanitize address,undefined kernel_tests
build/sanitize/kernel_tests
