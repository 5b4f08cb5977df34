#include <stdexcept>

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

void quantize_int8_groups(Matrix2<const float> x, Matrix2<std::int8_t> codes, Matrix2<float> scales,
                          const std::optional<std::string>& isa) {
  const auto rows = static_cast<std::int64_t>(x.shape(0));
  const auto k = static_cast<std::int64_t>(x.shape(1));
  if (codes.shape(0) != x.shape(0) || codes.shape(1) != x.shape(1)) {
    throw std::invalid_argument("codes must have x's shape");
  }
  if (scales.shape(0) != x.shape(0) || static_cast<std::int64_t>(scales.shape(1)) != num_groups(k)) {
    throw std::invalid_argument("scales must have one column per group of x");
  }
  const KernelTable& table = kernels_of(isa);
  const nb::gil_scoped_release nogil;
  table.quantize_int8_groups(x.data(), rows, k, codes.data(), scales.data());
}

}  // namespace

void bind_quantize(nb::module_& m) {
  m.attr("GROUP_SIZE") = kWideGroup;
  m.def("quantize_int8_groups", &quantize_int8_groups, "x"_a.noconvert(), "codes"_a.noconvert(), "scales"_a.noconvert(),
        "isa"_a = nb::none());
}

}  // namespace sampan::binding
