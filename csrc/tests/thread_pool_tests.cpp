// The thread pool by itself: every piece is called once, and what the pieces wrote is seen afterwards. Run it under
// ThreadSanitizer (`make sanitize`): it sees any two accesses that nothing orders.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "thread_pool.h"

namespace {

constexpr std::int64_t kCounts[] = {0, 1, 2, 3, 7, 64, 1000};

// Plain variables, so that the pool alone has to order the accesses.
bool every_piece_is_called_once(sampan::ThreadPool& pool, std::int64_t count) {
  std::vector<std::int64_t> calls(static_cast<std::size_t>(count), 0);
  std::vector<std::int64_t> by_thread(static_cast<std::size_t>(pool.num_threads()), 0);
  pool.parallel_for(count, [&](std::int64_t piece, int thread) {
    ++calls[static_cast<std::size_t>(piece)];
    ++by_thread[static_cast<std::size_t>(thread)];
  });
  std::int64_t sum = 0;
  for (const std::int64_t called : by_thread) sum += called;
  for (const std::int64_t called : calls) {
    if (called != 1) return false;
  }
  return sum == count;
}

bool jobs_follow_each_other(int num_threads, bool pin, int num_jobs) {
  sampan::ThreadPool pool(num_threads, pin);
  for (int job = 0; job < num_jobs; ++job) {
    for (const std::int64_t count : kCounts) {
      if (!every_piece_is_called_once(pool, count)) return false;
    }
    if (job % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the workers fall asleep
  }
  return true;
}

}  // namespace

int main() {
  for (int num_threads = 1; num_threads <= 4; ++num_threads) {
    for (const bool pin : {false, true}) {
      if (!jobs_follow_each_other(num_threads, pin, 100)) {
        std::printf("FAILED with %d threads\n", num_threads);
        return EXIT_FAILURE;
      }
    }
  }
  for (int i = 0; i < 200; ++i) {  // a pool that ends while its workers wake up
    if (!jobs_follow_each_other(3, false, 1)) return EXIT_FAILURE;
  }
  std::printf("every piece was called once\n");
  return EXIT_SUCCESS;
}
