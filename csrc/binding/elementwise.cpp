#include <stdexcept>

#include "binding.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

void require(bool holds, const char* otherwise) {
  if (!holds) throw std::invalid_argument(otherwise);
}

void rms_norm(Vector<const float> x, Vector<const float> weight, float eps, Vector<float> out,
              const std::optional<std::string>& isa) {
  require(weight.size() == x.size() && out.size() == x.size(), "weight and out must have x's size");
  const ElementwiseKernels& table = *kernels_of(isa).elementwise;
  const nb::gil_scoped_release nogil;
  table.rms_norm(x.data(), weight.data(), eps, static_cast<std::int64_t>(x.size()), out.data());
}

void add(Vector<float> x, Vector<const float> y, const std::optional<std::string>& isa) {
  require(y.size() == x.size(), "y must have x's size");
  const ElementwiseKernels& table = *kernels_of(isa).elementwise;
  const nb::gil_scoped_release nogil;
  table.add(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
}

void swiglu(Vector<const float> gate, Vector<const float> up, Vector<float> out, const std::optional<std::string>& isa) {
  require(up.size() == gate.size() && out.size() == gate.size(), "up and out must have gate's size");
  const ElementwiseKernels& table = *kernels_of(isa).elementwise;
  const nb::gil_scoped_release nogil;
  table.swiglu(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), out.data());
}

void rope(Matrix2<float> heads, Vector<const float> cos, Vector<const float> sin,
          const std::optional<std::string>& isa) {
  const std::size_t head_dim = heads.shape(1);
  require(head_dim % 32 == 0, "head_dim must be a multiple of 32");
  require(2 * cos.size() == head_dim && 2 * sin.size() == head_dim, "cos and sin must have head_dim / 2 entries");
  const ElementwiseKernels& table = *kernels_of(isa).elementwise;
  const nb::gil_scoped_release nogil;
  table.rope(heads.data(), static_cast<std::int64_t>(heads.shape(0)), static_cast<std::int64_t>(head_dim), cos.data(),
             sin.data());
}

using Row = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

EmbeddingFormat embedding_format(const std::string& name, const Row& row) {
  const auto is = [&](const char* format, nb::dlpack::dtype dtype) { return name == format && row.dtype() == dtype; };
  if (is("fp32", nb::dtype<float>())) return EmbeddingFormat::fp32;
  if (is("fp16", nb::dtype<std::uint16_t>())) return EmbeddingFormat::fp16;
  if (is("bf16", nb::dtype<std::uint16_t>())) return EmbeddingFormat::bf16;
  if (is("int8", nb::dtype<std::int8_t>())) return EmbeddingFormat::int8;
  throw std::invalid_argument("format and row must be fp32 and float32, fp16 or bf16 and uint16, int8 and int8");
}

void embed(const std::string& name, Row row, std::optional<Vector<const std::uint16_t>> scales, Vector<float> out,
           const std::optional<std::string>& isa) {
  const EmbeddingFormat format = embedding_format(name, row);
  require(out.size() == row.size(), "out must have the row's size");
  if (format == EmbeddingFormat::int8) {
    require(scales && row.size() % kGroupSize == 0 && scales->size() == row.size() / kGroupSize,
            "an int8 row needs one scale for each GROUP_SIZE codes");
  }
  const ElementwiseKernels& table = *kernels_of(isa).elementwise;
  const nb::gil_scoped_release nogil;
  table.embed(format, row.data(), scales ? scales->data() : nullptr, static_cast<std::int64_t>(row.size()), out.data());
}

}  // namespace

void bind_elementwise(nb::module_& m) {
  m.def("rms_norm", &rms_norm, "x"_a.noconvert(), "weight"_a.noconvert(), "eps"_a, "out"_a.noconvert(),
        "isa"_a = nb::none());
  m.def("add", &add, "x"_a.noconvert(), "y"_a.noconvert(), "isa"_a = nb::none());
  m.def("swiglu", &swiglu, "gate"_a.noconvert(), "up"_a.noconvert(), "out"_a.noconvert(), "isa"_a = nb::none());
  m.def("rope", &rope, "heads"_a.noconvert(), "cos"_a.noconvert(), "sin"_a.noconvert(), "isa"_a = nb::none());
  m.def("embed", &embed, "format"_a, "row"_a.noconvert(), "scales"_a.noconvert().none(), "out"_a.noconvert(),
        "isa"_a = nb::none());
}

}  // namespace sampan::binding
