// A small harness: seeded random numbers, memory of exact size, and comparisons that name what differs.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "sampan/dispatch.h"

namespace sampan::tests {

// SplitMix64 (Steele, Lea and Flood, 2014): each case gets its own, so that it can be replayed by its number.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // In first ... last.
  std::int64_t integer(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(last - first + 1));
  }

  bool one_in(int count) { return integer(1, count) == 1; }

  template <class T, std::size_t count>
  T one_of(const T (&choices)[count]) {
    return choices[integer(0, count - 1)];
  }

  // In -1 ... 1.
  float real() { return static_cast<float>(integer(-(1 << 23), 1 << 23)) * 0x1p-23f; }

 private:
  std::uint64_t state_;
};

// Elements in an allocation of their own, aligned to 64 bytes and not a byte longer, so that AddressSanitizer sees any
// access beyond them.
template <class T>
class Array {
 public:
  explicit Array(std::int64_t size)
      : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(size) * sizeof(T), kAlignment))), size_(size) {
    fill([] { return T{}; });
  }
  template <class Function>
  Array(std::int64_t size, Function value) : Array(size) {
    fill(value);
  }
  Array(const Array& other) : Array(other.size_) { std::memcpy(data_, other.data_, bytes()); }
  Array& operator=(const Array&) = delete;
  ~Array() { ::operator delete(data_, kAlignment); }

  template <class Function>
  void fill(Function value) {
    for (std::int64_t i = 0; i < size_; ++i) data_[i] = value();
  }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  T* data_;
  std::int64_t size_;
};

// One case of one test: its random numbers, and what to print when it fails.
class Case {
 public:
  Case(const char* test, std::uint64_t seed, std::int64_t number, const std::vector<Isa>& isas)
      : random(seed * 1'000'003 + static_cast<std::uint64_t>(number)), isas(isas), test_(test), number_(number) {}

  // Bit by bit, but a NaN may be another NaN.
  template <class T>
  void same(const T* actual, const T* expected, std::int64_t size, Isa isa, const std::string& what) {
    for (std::int64_t i = 0; i < size; ++i) {
      if (std::memcmp(actual + i, expected + i, sizeof(T)) == 0) continue;
      if constexpr (std::is_floating_point_v<T>) {
        if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
      }
      fail(isa, what + " differs at " + std::to_string(i) + " of " + std::to_string(size) + ": " + text(actual[i]) +
                    ", not " + text(expected[i]));
      return;
    }
  }

  template <class T>
  void same(const Array<T>& actual, const Array<T>& expected, Isa isa, const std::string& what) {
    same(actual.data(), expected.data(), expected.size(), isa, what);
  }

  void require(bool condition, Isa isa, const std::string& what) {
    if (!condition) fail(isa, what);
  }

  bool failed() const { return failed_; }

  Random random;
  const std::vector<Isa>& isas;  // to compare with generic
  std::string about;             // shapes

 private:
  template <class T>
  static std::string text(T value) {
    if constexpr (std::is_floating_point_v<T>) {
      char hex[40];
      std::snprintf(hex, sizeof hex, "%a", static_cast<double>(value));
      return hex;
    } else {
      return std::to_string(value);
    }
  }

  void fail(Isa isa, const std::string& what) {
    std::printf("FAILED %s, case %lld, %s (%s): %s\n", test_, static_cast<long long>(number_), name_of(isa),
                about.c_str(), what.c_str());
    failed_ = true;
  }

  const char* test_;
  std::int64_t number_;
  bool failed_ = false;
};

struct Test {
  const char* name;
  int cases;  // in a run of ordinary length
  void (*run)(Case&);
};

// What one kind of value does in all kernels, from tame to hostile.
enum class Values { ordinary, wide, subnormal, hostile };

inline constexpr Values kAllValues[] = {Values::ordinary, Values::ordinary, Values::wide, Values::subnormal,
                                        Values::hostile};

inline float value(Random& random, Values values) {
  switch (values) {
    case Values::ordinary:
      return 4.0f * random.real();
    case Values::wide:
      return std::ldexp(random.real(), static_cast<int>(random.integer(-60, 60)));
    case Values::subnormal:
      return std::ldexp(random.real(), static_cast<int>(random.integer(-150, -120)));
    case Values::hostile:
      break;
  }
  constexpr float kHostile[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 0x1.fffffep127f, -0x1.fffffep127f, 0x1p-149f};
  return random.one_in(20) ? random.one_of(kHostile) : 4.0f * random.real();
}

// A finite half.
inline std::uint16_t half(Random& random) {
  const auto bits = static_cast<std::uint16_t>(random.bits());
  return (bits & 0x7c00) == 0x7c00 ? static_cast<std::uint16_t>(bits & ~0x4000) : bits;
}

// The tests of each file.
extern const std::vector<Test> kLimitTests;
extern const std::vector<Test> kPackTests;
extern const std::vector<Test> kMatmulTests;
extern const std::vector<Test> kFloatMatmulTests;
extern const std::vector<Test> kElementwiseTests;
extern const std::vector<Test> kAttentionTests;
extern const std::vector<Test> kSamplerTests;
extern const std::vector<Test> kChecksumTests;

}  // namespace sampan::tests
