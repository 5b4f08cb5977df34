// The natural logarithm of a positive normal double, to about one unit in the last place. The C library's own differs
// from machine to machine: it has versions with and without fused multiply-add.
#pragma once

#include <cmath>

namespace sampan {

inline double logarithm(double x) {
  int exponent = 0;
  double fraction = std::frexp(x, &exponent);  // exact, in [1/2, 1)
  if (fraction < 0.70710678118654752) {
    fraction *= 2.0;
    --exponent;
  }
  // log f = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (f - 1) / (f + 1), here |s| < 0.172
  const double s = (fraction - 1.0) / (fraction + 1.0);
  const double square = s * s;
  double series = 0.0;
  for (int n = 23; n >= 3; n -= 2) series = (series + 1.0 / n) * square;
  constexpr double kLn2High = 0x1.62e42fefap-1;  // its product with an exponent is exact
  constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;
  return exponent * kLn2High + (exponent * kLn2Low + (2.0 * s + 2.0 * s * series));
}

}  // namespace sampan
