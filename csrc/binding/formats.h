// Formats of weights by the names that Python gives them.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "sampan/matmul.h"

namespace sampan::binding {

// The value that `name` stands for in a table of names and values; throws std::invalid_argument.
template <class Names>
auto find(const Names& names, const std::string& name) {
  for (const auto& [known, value] : names) {
    if (name == known) return value;
  }
  throw std::invalid_argument("format '" + name + "' is not known");
}

inline constexpr std::pair<const char*, Format> kFormats[] = {
    {"int8", Format::int8}, {"int4", Format::int4}, {"bf16", Format::bf16}, {"fp16", Format::fp16}, {"fp32", Format::fp32}};

inline std::int64_t bits_of(Format format) {
  switch (format) {
    case Format::int4:
      return 4;
    case Format::int8:
      return 8;
    case Format::fp32:
      return 32;
    default:
      return 16;
  }
}

inline bool has_scales(Format format) { return format == Format::int8 || format == Format::int4; }

}  // namespace sampan::binding
