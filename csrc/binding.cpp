// The only file that includes Python. It checks shapes, lets go of the GIL and calls a kernel; `sampan.backends.native`
// gives the functions their Python types.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "sampan/dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <typename T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

nb::tuple supported_isas() {
  nb::list names;
  for (const sampan::Isa isa : sampan::supported_isas()) names.append(sampan::name_of(isa));
  return nb::tuple(names);
}

nb::tuple cpu_features() {
  nb::list names;
  for (const char* name : sampan::cpu_features()) names.append(name);
  return nb::tuple(names);
}

sampan::Isa isa_or_active(const std::optional<std::string>& isa) {
  return isa ? sampan::isa_from_name(*isa) : sampan::active_isa();
}

void quantize_int8_groups(Matrix<const float> x, Matrix<std::int8_t> codes, Matrix<float> scales,
                          const std::optional<std::string>& isa) {
  const auto rows = static_cast<std::int64_t>(x.shape(0));
  const auto k = static_cast<std::int64_t>(x.shape(1));
  if (codes.shape(0) != x.shape(0) || codes.shape(1) != x.shape(1)) {
    throw std::invalid_argument("codes must have x's shape");
  }
  if (scales.shape(0) != x.shape(0) || static_cast<std::int64_t>(scales.shape(1)) != sampan::num_groups(k)) {
    throw std::invalid_argument("scales must have one column per group of x");
  }
  const sampan::KernelTable& table = sampan::kernels(isa_or_active(isa));
  const nb::gil_scoped_release nogil;
  table.quantize_int8_groups(x.data(), rows, k, codes.data(), scales.data());
}

}  // namespace

NB_MODULE(_native, m) {
  m.attr("GROUP_SIZE") = sampan::kGroupSize;
  m.def("isa", [] { return sampan::name_of(sampan::active_isa()); });
  m.def("supported_isas", &supported_isas);
  m.def("cpu_features", &cpu_features);
  m.def("quantize_int8_groups", &quantize_int8_groups, "x"_a.noconvert(), "codes"_a.noconvert(), "scales"_a.noconvert(),
        "isa"_a = nb::none());
}
