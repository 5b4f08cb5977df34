// What the files of this folder share. They alone include Python: each checks shapes, lets go of the GIL and calls
// kernels; `sampan.backends.native` gives the functions their Python types.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>

#include "sampan/dispatch.h"

namespace nb = nanobind;

namespace sampan::binding {

template <typename T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Matrix2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// The kernels of the instruction set that is named, of the active one where none is.
inline const KernelTable& kernels_of(const std::optional<std::string>& isa) {
  return kernels(isa ? isa_from_name(*isa) : active_isa());
}

// Each adds one file's functions to the module.
void bind_decoder(nb::module_& m);
void bind_limits(nb::module_& m);
void bind_matmul(nb::module_& m);
void bind_sampler(nb::module_& m);
void bind_pack(nb::module_& m);
void bind_attention(nb::module_& m);
void bind_elementwise(nb::module_& m);
void bind_float_matmul(nb::module_& m);

}  // namespace sampan::binding
