#include <stdexcept>

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

void quantize_rows(Matrix2<const float> x, Matrix2<std::int8_t> codes, Matrix2<float> scales, Matrix2<std::int32_t> sums,
                   const std::optional<std::string>& isa) {
  const auto rows = static_cast<std::int64_t>(x.shape(0));
  const auto k = static_cast<std::int64_t>(x.shape(1));
  const auto has_shape = [rows](const auto& array, std::int64_t columns) {
    return static_cast<std::int64_t>(array.shape(0)) == rows && static_cast<std::int64_t>(array.shape(1)) == columns;
  };
  if (k % kGroupSize != 0) throw std::invalid_argument("columns must be a multiple of GROUP_SIZE");
  if (!has_shape(codes, k)) throw std::invalid_argument("codes must have x's shape");
  if (!has_shape(scales, k / kGroupSize) || !has_shape(sums, k / kGroupSize)) {
    throw std::invalid_argument("scales and sums must have one column per group of x");
  }
  const KernelTable& table = kernels_of(isa);
  const nb::gil_scoped_release nogil;
  table.matmul->quantize_rows(x.data(), rows, k, codes.data(), scales.data(), sums.data());
}

void matmul(const std::string& format, Vector<const std::uint8_t> codes, Vector<const std::uint16_t> scales,
            std::int64_t n, std::int64_t k, Matrix2<const std::int8_t> xcodes, Matrix2<const float> xscales,
            Matrix2<const std::int32_t> xsums, Matrix2<float> y, std::int64_t panel_begin, std::int64_t panel_end,
            const std::optional<std::string>& isa) {
  if (format != "int8" && format != "int4") throw std::invalid_argument("format must be int8 or int4");
  if (n < 1 || k < kGroupSize || k % kGroupSize != 0) {
    throw std::invalid_argument("n must be positive and k a positive multiple of GROUP_SIZE");
  }
  const bool int8 = format == "int8";
  const Matrix w{int8 ? Format::int8 : Format::int4, n, k, codes.data(), scales.data()};
  const auto panels = static_cast<std::size_t>(w.panels());
  const auto inputs = static_cast<std::size_t>(k);
  const std::size_t groups = inputs / kGroupSize;
  const std::size_t rows = xcodes.shape(0);
  if (codes.size() != panels * inputs * kPanel / (int8 ? 1 : 2) || scales.size() != panels * groups * kPanel) {
    throw std::invalid_argument("codes or scales have not the size of the packed matrix");
  }
  const auto has_shape = [rows](const auto& array, std::size_t columns) {
    return array.shape(0) == rows && array.shape(1) == columns;
  };
  if (!has_shape(xcodes, inputs) || !has_shape(xscales, groups) || !has_shape(xsums, groups)) {
    throw std::invalid_argument("activations must have k columns of codes, k / GROUP_SIZE of scales and sums");
  }
  if (y.shape(0) != rows || y.shape(1) < panels * kPanel) {
    throw std::invalid_argument("y must have the activations' rows and a column for every padded channel");
  }
  if (panel_begin < 0 || panel_begin > panel_end || panel_end > w.panels()) {
    throw std::invalid_argument("panels must lie in the matrix");
  }
  const Activations x{static_cast<std::int64_t>(rows), k, nullptr, xcodes.data(), xscales.data(), xsums.data()};
  const MatmulKernels& table = *kernels_of(isa).matmul;
  const nb::gil_scoped_release nogil;
  (int8 ? table.matmul_int8 : table.matmul_int4)(x, w, panel_begin, panel_end, y.data(),
                                                 static_cast<std::int64_t>(y.shape(1)));
}

}  // namespace

void bind_matmul(nb::module_& m) {
  m.attr("GROUP_SIZE") = kGroupSize;
  m.attr("PANEL") = kPanel;
  m.def("quantize_rows", &quantize_rows, "x"_a.noconvert(), "codes"_a.noconvert(), "scales"_a.noconvert(),
        "sums"_a.noconvert(), "isa"_a = nb::none());
  m.def("matmul", &matmul, "format"_a, "codes"_a.noconvert(), "scales"_a.noconvert(), "n"_a, "k"_a,
        "xcodes"_a.noconvert(), "xscales"_a.noconvert(), "xsums"_a.noconvert(), "y"_a.noconvert(), "panel_begin"_a,
        "panel_end"_a, "isa"_a = nb::none());
}

}  // namespace sampan::binding
