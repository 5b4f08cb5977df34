#include "sampan/pack.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "binding.h"
#include "formats.h"
#include "sampan/dummy.h"
#include "thread_pool.h"

namespace sampan::binding {
namespace {

using namespace nb::literals;

using Bytes = Vector<const std::uint8_t>;
using OutBytes = Vector<std::uint8_t>;

constexpr std::pair<const char*, SourceType> kSourceTypes[] = {
    {"fp32", SourceType::fp32}, {"fp16", SourceType::fp16}, {"bf16", SourceType::bf16}, {"codes", SourceType::codes}};

std::int64_t size_of(SourceType type) {
  switch (type) {
    case SourceType::fp32:
      return 4;
    case SourceType::codes:
      return 1;
    default:
      return 2;
  }
}

// Part of a matrix: whole rows of one stored tensor.
struct Source {
  SourceType type;
  const std::uint8_t* bytes;
  const std::uint8_t* scales;
  std::int64_t rows;
  std::int64_t row_bytes;
  std::int64_t row_scale_bytes;

  SourceRow row(std::int64_t index) const {
    return {type, bytes + index * row_bytes, scales + index * row_scale_bytes};
  }
};

Source source_of(const Bytes& bytes, const std::string& type_name, const Bytes& scales, std::int64_t k) {
  const SourceType type = find(kSourceTypes, type_name);
  const std::int64_t row_bytes = k * size_of(type);
  const std::int64_t row_scale_bytes = type == SourceType::codes ? k / kGroupSize * 2 : 0;
  const auto size = static_cast<std::int64_t>(bytes.shape(0));
  if (k < 1 || size % row_bytes != 0) throw std::invalid_argument("a source must hold whole rows of k values");
  const std::int64_t scale_bytes = scales.is_valid() ? static_cast<std::int64_t>(scales.shape(0)) : 0;
  if (scale_bytes != size / row_bytes * row_scale_bytes) {
    throw std::invalid_argument("codes must have a scale for each group of their rows, and floats none");
  }
  return {type, bytes.data(), scale_bytes > 0 ? scales.data() : nullptr, size / row_bytes, row_bytes, row_scale_bytes};
}

void check_target(Format format, std::int64_t k, std::int64_t rows, const OutBytes& codes, const OutBytes& scales) {
  if (is_quantized(format) && k % kGroupSize != 0) throw std::invalid_argument("k must be a multiple of the group size");
  if (static_cast<std::int64_t>(codes.shape(0)) != rows * k * bits_of(format) / 8) {
    throw std::invalid_argument("codes must have room for exactly these rows");
  }
  if (static_cast<std::int64_t>(scales.shape(0)) != (is_quantized(format) ? rows * k / kGroupSize * 2 : 0)) {
    throw std::invalid_argument("scales must have room for exactly these rows, and none where the format has none");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(codes.data()) | reinterpret_cast<std::uintptr_t>(scales.data());
  if (address % 4 != 0) throw std::invalid_argument("codes and scales must be aligned");
}

const char* word_for(PackProblem problem) {
  return problem == PackProblem::not_finite ? "not_finite" : "too_large";
}

// What went wrong, and the index of the source in which it did.
using Fault = std::optional<std::pair<std::string, std::int64_t>>;

// The rows of all sources one below the other; the last panel is filled up with padded channels. Where losses are given,
// [sources, 2], what quantising each lost is added there, see PackLoss.
Fault pack_panels(const std::vector<std::tuple<Bytes, std::string, Bytes>>& tensors, std::int64_t k,
                  const std::string& format_name, OutBytes codes, OutBytes scales, const std::optional<std::string>& isa,
                  const std::optional<Matrix2<double>>& losses) {
  const PackKernels& kernels = *kernels_of(isa).pack;
  const Format format = find(kFormats, format_name);
  if (losses && (losses->shape(0) != tensors.size() || losses->shape(1) != 2)) {
    throw std::invalid_argument("losses must be two for each source");
  }
  std::vector<Source> sources;
  std::int64_t num_rows = 0;
  for (const auto& [bytes, type, source_scales] : tensors) {
    sources.push_back(source_of(bytes, type, source_scales, k));
    if (sources.back().type == SourceType::codes && !is_quantized(format)) {
      throw std::invalid_argument("codes are taken over into int8 and int4 only");
    }
    num_rows += sources.back().rows;
  }
  const std::int64_t num_panels = (num_rows + kPanel - 1) / kPanel;
  check_target(format, k, num_panels * kPanel, codes, scales);
  const std::int64_t code_bytes = kPanel * k * bits_of(format) / 8;
  const std::int64_t num_scales = is_quantized(format) ? kPanel * k / kGroupSize : 0;

  const nb::gil_scoped_release nogil;
  std::size_t owner = 0;
  std::int64_t next = 0;  // row of the owner
  for (std::int64_t panel = 0; panel < num_panels; ++panel) {
    SourceRow rows[kPanel];
    std::int64_t owners[kPanel] = {};
    for (std::int64_t lane = 0; lane < kPanel; ++lane) {
      while (owner < sources.size() && next == sources[owner].rows) ++owner, next = 0;
      if (owner == sources.size()) {
        rows[lane] = {SourceType::fp32, nullptr, nullptr};
      } else {
        rows[lane] = sources[owner].row(next++);
        owners[lane] = static_cast<std::int64_t>(owner);
      }
    }
    int lane = 0;
    PackLoss lost[kPanel];
    const PackProblem problem = pack_panel(kernels, rows, k, format, codes.data() + panel * code_bytes,
                                           reinterpret_cast<std::uint16_t*>(scales.data()) + panel * num_scales, &lane,
                                           losses ? lost : nullptr);
    for (std::int64_t i = 0; losses && i < kPanel; ++i) {
      double* sums = losses->data() + owners[i] * 2;
      sums[0] += lost[i].error;
      sums[1] += lost[i].total;
    }
    if (problem != PackProblem::none) return std::pair(std::string(word_for(problem)), owners[lane]);
  }
  return std::nullopt;
}

Fault pack_rows(const Bytes& tensor, const std::string& type, std::int64_t k, const std::string& format_name, OutBytes codes,
                OutBytes scales, const std::optional<std::string>& isa) {
  const PackKernels& kernels = *kernels_of(isa).pack;
  const Format format = find(kFormats, format_name);
  if (format == Format::int4) throw std::invalid_argument("rows by themselves have no int4");
  if (find(kSourceTypes, type) == SourceType::codes) throw std::invalid_argument("rows by themselves are made of floats");
  const Source source = source_of(tensor, type, Bytes(), k);
  check_target(format, k, source.rows, codes, scales);
  const std::int64_t code_bytes = k * bits_of(format) / 8;
  const std::int64_t num_scales = is_quantized(format) ? k / kGroupSize : 0;

  const nb::gil_scoped_release nogil;
  for (std::int64_t row = 0; row < source.rows; ++row) {
    const PackProblem problem = pack_row(kernels, source.row(row), k, format, codes.data() + row * code_bytes,
                                         reinterpret_cast<std::uint16_t*>(scales.data()) + row * num_scales);
    if (problem != PackProblem::none) return std::pair(std::string(word_for(problem)), std::int64_t{0});
  }
  return std::nullopt;
}

std::uint32_t crc32c(const Bytes& data, std::uint32_t crc, const std::optional<std::string>& isa) {
  const KernelTable& table = kernels_of(isa);
  const nb::gil_scoped_release nogil;
  return table.checksum->crc32c(crc, data.data(), static_cast<std::int64_t>(data.shape(0)));
}

// Of each range [begin, end) of the data, taken by `num_threads` threads, this one among them.
std::vector<std::uint32_t> crc32c_ranges(const Bytes& data, const std::vector<std::pair<std::int64_t, std::int64_t>>& ranges,
                                         int num_threads) {
  const auto size = static_cast<std::int64_t>(data.shape(0));
  for (const auto& [begin, end] : ranges) {
    if (begin < 0 || end < begin || size < end) throw std::invalid_argument("a range lies outside of the data");
  }
  const KernelTable& table = kernels_of(std::nullopt);
  std::vector<std::uint32_t> checksums(ranges.size());
  const nb::gil_scoped_release nogil;
  ThreadPool(num_threads).parallel_for(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t i, int) {
    const auto& [begin, end] = ranges[static_cast<std::size_t>(i)];
    checksums[static_cast<std::size_t>(i)] = table.checksum->crc32c(0, data.data() + begin, end - begin);
  });
  return checksums;
}

template <typename T>
void draw(Vector<const T> table, std::uint64_t seed, std::int64_t first, Vector<T> out) {
  if (static_cast<std::int64_t>(table.shape(0)) != kQuantiles) throw std::invalid_argument("the table must be whole");
  if (first < 0) throw std::invalid_argument("first must not be negative");
  const nb::gil_scoped_release nogil;
  sampan::draw(table.data(), seed, first, static_cast<std::int64_t>(out.shape(0)), out.data());
}

template <typename T>
void bind_draw(nb::module_& m) {
  m.def("draw", &draw<T>, "table"_a.noconvert(), "seed"_a, "first"_a, "out"_a.noconvert());
}

}  // namespace

void bind_pack(nb::module_& m) {
  m.def("pack_panels", &pack_panels, "sources"_a, "k"_a, "format"_a, "codes"_a.noconvert(), "scales"_a.noconvert(),
        "isa"_a = nb::none(), "losses"_a.noconvert() = nb::none());
  m.def("pack_rows", &pack_rows, "source"_a.noconvert(), "source_type"_a, "k"_a, "format"_a, "codes"_a.noconvert(),
        "scales"_a.noconvert(), "isa"_a = nb::none());
  bind_draw<std::uint8_t>(m);
  bind_draw<std::uint16_t>(m);
  bind_draw<std::uint32_t>(m);
  m.def("crc32c", &crc32c, "data"_a.noconvert(), "crc"_a = 0, "isa"_a = nb::none());
  m.def("crc32c_ranges", &crc32c_ranges, "data"_a.noconvert(), "ranges"_a, "num_threads"_a);
  m.def("crc32c_combine", &crc32c_combine, "first"_a, "second"_a, "second_size"_a);
}

}  // namespace sampan::binding
