#include "thread_pool.h"

#include <chrono>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif
#ifdef SAMPAN_X86
#include <immintrin.h>
#endif

namespace sampan {
namespace {

// Longer than the serial parts of a step, shorter than what a scheduler needs to give the core to somebody else.
constexpr std::chrono::microseconds kSpin{40};

void relax() {
#ifdef SAMPAN_X86
  _mm_pause();
#endif
}

// Spins for a while until `value` is not (or, with `wanted`, is) what is asked for; then sleeps in the kernel.
template <class Ready>
void wait_until(const std::atomic<std::uint32_t>& value, const Ready& ready) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready(value.load(std::memory_order_acquire))) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  for (std::uint32_t seen = value.load(std::memory_order_acquire); !ready(seen);
       seen = value.load(std::memory_order_acquire)) {
    value.wait(seen, std::memory_order_acquire);
  }
}

void pin_to_processor([[maybe_unused]] std::thread& thread, [[maybe_unused]] int index) {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || index-- > 0) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(cpu, &own);
    pthread_setaffinity_np(thread.native_handle(), sizeof own, &own);
    return;
  }
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads, bool pin) {
  for (int thread = 1; thread < num_threads; ++thread) {
    workers_.emplace_back([this, thread] { work(thread); });
    if (pin) pin_to_processor(workers_.back(), thread);
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::int64_t count, Call call, const void* context) {
  if (count <= 1 || workers_.empty()) {
    for (std::int64_t piece = 0; piece < count; ++piece) call(context, piece, 0);
    return;
  }
  call_ = call;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  ticket_.store(static_cast<std::uint64_t>(count) << 32, std::memory_order_release);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();

  const auto all = static_cast<std::uint32_t>(count);
  if (const std::uint32_t own = claim_and_call(0); done_.fetch_add(own, std::memory_order_acq_rel) + own != all) {
    wait_until(done_, [all](std::uint32_t done) { return done == all; });
  }
}

std::uint32_t ThreadPool::claim_and_call(int thread) {
  std::uint32_t called = 0;
  for (;;) {
    const std::uint64_t ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
    const std::uint64_t piece = ticket & 0xffffffff;
    if (piece >= ticket >> 32) return called;
    call_(context_, static_cast<std::int64_t>(piece), thread);
    ++called;
  }
}

void ThreadPool::work(int thread) {
  std::uint32_t seen = 0;
  for (;;) {
    wait_until(job_, [seen](std::uint32_t job) { return job != seen; });
    seen = job_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (const std::uint32_t called = claim_and_call(thread); called > 0) {
      done_.fetch_add(called, std::memory_order_acq_rel);
      done_.notify_one();
    }
  }
}

}  // namespace sampan
