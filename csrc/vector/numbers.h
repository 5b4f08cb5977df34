// How elements in memory become sixteen floats, and the other way round.
#pragma once

#ifndef SAMPAN_VEC_H
#error "include generic/vec.h, x86/vec_avx2.h or x86/vec_avx512.h first"
#endif

namespace sampan {
namespace {

struct Fp32 {
  using Element = float;
  static Vec load(const float* p) { return sampan::load(p); }
  static void store(float* p, Vec v) { sampan::store(p, v); }
};

struct Bf16 {
  using Element = std::uint16_t;
  static Vec load(const std::uint16_t* p) { return load_bf16(p); }
  static void store(std::uint16_t* p, Vec v) { store_bf16(p, v); }
};

struct Fp16 {
  using Element = std::uint16_t;
  static Vec load(const std::uint16_t* p) { return load_fp16(p); }
  static void store(std::uint16_t* p, Vec v) { store_fp16(p, v); }
};

struct Int8 {
  using Element = std::int8_t;
  static Vec load(const std::int8_t* p) { return load_s8(p); }
  static void store(std::int8_t* p, Vec v) { store_s8(p, v); }
};

}  // namespace
}  // namespace sampan
