// One persistent pool for a whole engine: the step's phases follow each other within microseconds, so workers spin
// briefly for the next phase and only then sleep.
//
// Pieces are claimed one by one. On a shared machine a thread that loses its core delays one small piece, and whoever
// waits for it soon goes to sleep, which gives its own core to the thread that holds the piece.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace sampan {

class ThreadPool {
 public:
  // The calling thread is one of the `num_threads` (at least 1). With `pin`, thread i stays on the i-th processor that
  // the process may use, the calling thread excepted.
  explicit ThreadPool(int num_threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(piece, thread) for each piece in 0 ... count - 1, on any thread and in any order, and returns when all are
  // done. Not reentrant; f does not throw. count < kMaxPieces.
  template <class F>
  void parallel_for(std::int64_t count, const F& f) {
    run(count, [](const void* context, std::int64_t piece, int thread) {
      (*static_cast<const F*>(context))(piece, thread);
    }, &f);
  }

  static constexpr std::int64_t kMaxPieces = std::int64_t{1} << 30;

 private:
  using Call = void (*)(const void* context, std::int64_t piece, int thread);

  void run(std::int64_t count, Call call, const void* context);
  void work(int thread);
  std::uint32_t claim_and_call(int thread);

  // A ticket holds the number of pieces and the next one, 32 bits each, so that a claim is one atomic addition. A
  // worker that comes late reads a ticket that is used up, and cannot take a piece of one job for another's.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> job_{0};  // counts jobs; workers wait for it to change
  Call call_ = nullptr;                            // of the current job; written while no piece of it can be claimed
  const void* context_ = nullptr;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace sampan
