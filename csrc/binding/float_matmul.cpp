#include <stdexcept>

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

using Weights = nb::ndarray<nb::ro, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

Format float_format(const std::string& name, const Weights& weights) {
  const bool wide = weights.dtype() == nb::dtype<float>();
  const bool narrow = weights.dtype() == nb::dtype<std::uint16_t>();
  if (name == "fp32" && wide) return Format::fp32;
  if (name == "fp16" && narrow) return Format::fp16;
  if (name == "bf16" && narrow) return Format::bf16;
  throw std::invalid_argument("format and weights must be fp32 and float32, or fp16 or bf16 and uint16");
}

void float_matmul(const std::string& format, Weights weights, Matrix2<const float> x, Matrix2<float> y,
                  std::int64_t panel_begin, std::int64_t panel_end, const std::optional<std::string>& isa) {
  const auto panels = static_cast<std::int64_t>(weights.shape(0));
  const auto k = static_cast<std::int64_t>(weights.shape(1));
  const Matrix w{float_format(format, weights), panels * kPanel, k, weights.data(), nullptr};
  if (weights.shape(2) != kPanel || k < 1) throw std::invalid_argument("weights must be [panels, k, PANEL], k positive");
  if (static_cast<std::int64_t>(x.shape(1)) != k) throw std::invalid_argument("x must have k columns");
  if (y.shape(0) != x.shape(0) || static_cast<std::int64_t>(y.shape(1)) < panels * kPanel) {
    throw std::invalid_argument("y must have x's rows and a column for every channel");
  }
  if (panel_begin < 0 || panel_begin > panel_end || panel_end > panels) {
    throw std::invalid_argument("panels must lie in the matrix");
  }
  const Activations inputs{static_cast<std::int64_t>(x.shape(0)), k, x.data(), nullptr, nullptr, nullptr};
  const FloatMatmulKernels& table = *kernels_of(isa).float_matmul;
  const nb::gil_scoped_release nogil;
  table.matmul(inputs, w, panel_begin, panel_end, y.data(), static_cast<std::int64_t>(y.shape(1)));
}

}  // namespace

void bind_float_matmul(nb::module_& m) {
  m.def("float_matmul", &float_matmul, "format"_a, "weights"_a.noconvert(), "x"_a.noconvert(), "y"_a.noconvert(),
        "panel_begin"_a, "panel_end"_a, "isa"_a = nb::none());
}

}  // namespace sampan::binding
