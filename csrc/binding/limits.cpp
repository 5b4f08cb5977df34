#include "../limit_meter.h"

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

// One reading with the GIL let go.
template <double (LimitMeter::*reading)(double)>
double take(LimitMeter& meter, double seconds) {
  const nb::gil_scoped_release nogil;
  return (meter.*reading)(seconds);
}

}  // namespace

void bind_limits(nb::module_& m) {
  nb::class_<LimitMeter>(m, "LimitMeter")
      .def(
          "__init__",
          [](LimitMeter* self, int num_threads, std::int64_t buffer_bytes, const std::optional<std::string>& isa) {
            new (self) LimitMeter(*kernels_of(isa).limits, num_threads, buffer_bytes);
          },
          "num_threads"_a, "buffer_bytes"_a, "isa"_a = nb::none())
      .def("read", &take<&LimitMeter::read>, "seconds"_a)
      .def("int8", &take<&LimitMeter::int8>, "seconds"_a)
      .def("fp32", &take<&LimitMeter::fp32>, "seconds"_a);
}

}  // namespace sampan::binding
