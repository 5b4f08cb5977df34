// The exponential function of attention, SwiGLU and the sampler: one polynomial, so that its bits are everywhere the same.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; exp(x) = 2^n p(r), where p has degree 6 (minimax for the relative error, 3e-9; the
// rounded result is within 1 ulp). ln 2 comes in two parts (Cody and Waite), so that r is exact to the last bits.
#pragma once

#ifndef SAMPAN_VEC_H
#error "include generic/vec.h, x86/vec_avx2.h or x86/vec_avx512.h first"
#endif

namespace sampan {
namespace {

constexpr float kExpLowest = -87.3365f;   // below, the result would be subnormal: 0
constexpr float kExpHighest = 88.72283f;  // above, Inf

inline Vec exp(Vec x) {
  // Added to a small number, it leaves the nearest integer in the low bits of the sum.
  const Vec bias = broadcast(0x1.8p23f);
  const Vec n_plus_bias = fma(x, broadcast(0x1.715476p+0f), bias);
  const Vec minus_n = bias - n_plus_bias;
  Vec r = fma(minus_n, broadcast(0x1.62e43p-1f), x);
  r = fma(minus_n, broadcast(-0x1.05c61p-29f), r);

  Vec p = broadcast(0x1.6a23dp-10f);
  p = fma(p, r, broadcast(0x1.123a2p-7f));
  p = fma(p, r, broadcast(0x1.5558f2p-5f));
  p = fma(p, r, broadcast(0x1.555492p-3f));
  p = fma(p, r, broadcast(0x1.fffffcp-2f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));

  // x times Inf is Inf above the range, and stays NaN.
  const Vec beyond = x * broadcast(__builtin_inff());
  const Vec result = select(less_equal(x, broadcast(kExpHighest)), add_to_exponent(p, n_plus_bias), beyond);
  return select(less(x, broadcast(kExpLowest)), zero(), result);
}

}  // namespace
}  // namespace sampan
