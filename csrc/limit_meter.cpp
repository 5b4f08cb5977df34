#include "limit_meter.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sampan {
namespace {

using Clock = std::chrono::steady_clock;

// What a thread does between looks at the clock: some ten microseconds.
constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // bytes
constexpr std::int64_t kMacsBetweenLooks = std::int64_t{1} << 20;
static_assert(kPiece % kReadUnit == 0);

std::int64_t count_pieces(int num_threads, std::int64_t buffer_bytes) {
  if (num_threads < 1) throw std::invalid_argument("num_threads must be at least 1");
  if (buffer_bytes < 1) throw std::invalid_argument("buffer_bytes must be at least 1");
  return (buffer_bytes + kPiece - 1) / kPiece;
}

}  // namespace

LimitMeter::LimitMeter(const LimitKernels& kernels, int num_threads, std::int64_t buffer_bytes)
    : kernels_(kernels),
      num_threads_(num_threads),
      num_pieces_(count_pieces(num_threads, buffer_bytes)),
      buffer_(static_cast<std::size_t>(num_pieces_ * kPiece)) {
  // Untouched pages have no memory. Every thread touches its share, so that a machine of several sockets gives some of
  // each socket's.
  std::vector<std::thread> threads;
  for (int thread = 0; thread < num_threads_; ++thread) {
    threads.emplace_back([this, thread] {
      for (std::int64_t piece = thread; piece < num_pieces_; piece += num_threads_) {
        std::memset(buffer_.data() + piece * kPiece, 1, kPiece);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

double LimitMeter::read(double seconds) {
  return measure(seconds, [this] {
    const std::int64_t piece = next_piece_.fetch_add(1, std::memory_order_relaxed) % num_pieces_;
    kernels_.read_stream(buffer_.data() + piece * kPiece, kPiece);
    return kPiece;
  });
}

double LimitMeter::int8(double seconds) {
  const auto num_loops = std::count_if(kernels_.int8, kernels_.int8 + kMaxInt8Loops,
                                       [](const MacLoop& loop) { return loop.run != nullptr; });
  double best = 0.0;
  for (const MacLoop& loop : kernels_.int8) {
    if (loop.run != nullptr) best = std::max(best, measure(seconds / static_cast<double>(num_loops), loop));
  }
  return best;
}

double LimitMeter::fp32(double seconds) { return measure(seconds, kernels_.fp32); }

double LimitMeter::measure(double seconds, const MacLoop& loop) const {
  const std::int64_t rounds = kMacsBetweenLooks / loop.macs_per_round;
  return measure(seconds, [&loop, rounds] {
    loop.run(rounds);
    return rounds * loop.macs_per_round;
  });
}

double LimitMeter::measure(double seconds, const std::function<std::int64_t()>& work) const {
  struct Span {
    Clock::time_point begin, end;
    std::int64_t done = 0;
  };
  const auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<Span> spans(static_cast<std::size_t>(num_threads_));
  std::atomic<int> waiting{num_threads_};
  const auto run = [&](Span& span) {
    waiting.fetch_sub(1);
    while (waiting.load() > 0) std::this_thread::yield();  // all begin together
    std::int64_t done = 0;
    const Clock::time_point begin = Clock::now();
    const Clock::time_point deadline = begin + length;
    Clock::time_point now = begin;
    do {
      done += work();
      now = Clock::now();
    } while (now < deadline);
    span = {begin, now, done};
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < spans.size(); ++i) others.emplace_back(run, std::ref(spans[i]));
  run(spans[0]);
  for (std::thread& other : others) other.join();

  Clock::time_point begin = spans[0].begin, end = spans[0].end;
  std::int64_t done = 0;
  for (const Span& span : spans) {
    begin = std::min(begin, span.begin);
    end = std::max(end, span.end);
    done += span.done;
  }
  return static_cast<double>(done) / std::chrono::duration<double>(end - begin).count();
}

}  // namespace sampan
