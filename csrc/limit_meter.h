// Readings of a whole machine's limits: every thread runs the kernels of limits.h at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "memory.h"
#include "sampan/kernels.h"

namespace sampan {

// One reading takes about as long as the caller says. Other programs can only make it smaller: the limit is the best of
// many readings, spread over the time that it is wanted for.
class LimitMeter {
 public:
  // buffer_bytes: what read() streams; several times the last-level cache, or it measures the cache.
  // Throws std::bad_alloc, std::invalid_argument (num_threads or buffer_bytes is not positive).
  LimitMeter(const LimitKernels& kernels, int num_threads, std::int64_t buffer_bytes);

  double read(double seconds);  // bytes a second
  double int8(double seconds);  // multiply-accumulates a second, of the faster loop
  double fp32(double seconds);  // multiply-accumulates a second

 private:
  // Calls `work`, which returns how much it did, on every thread until the time is up; the sum over the time it took.
  double measure(double seconds, const std::function<std::int64_t()>& work) const;
  double measure(double seconds, const MacLoop& loop) const;

  const LimitKernels& kernels_;
  const int num_threads_;
  const std::int64_t num_pieces_;
  std::atomic<std::int64_t> next_piece_{0};  // goes on where the last reading stopped: the rest is least in the cache
  Memory buffer_;
};

}  // namespace sampan
