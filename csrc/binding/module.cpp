#include "binding.h"

namespace {

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

}  // namespace

NB_MODULE(_native, m) {
  nb::set_leak_warnings(false);  // an engine that lives until the interpreter ends is no leak
  m.def("isa", [] { return sampan::name_of(sampan::active_isa()); });
  m.def("supported_isas", &supported_isas);
  m.def("cpu_features", &cpu_features);
  sampan::binding::bind_decoder(m);
  sampan::binding::bind_limits(m);
  sampan::binding::bind_matmul(m);
  sampan::binding::bind_sampler(m);
  sampan::binding::bind_pack(m);
  sampan::binding::bind_attention(m);
  sampan::binding::bind_elementwise(m);
  sampan::binding::bind_float_matmul(m);
}
