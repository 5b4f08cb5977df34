"""GGUF files, written by the `gguf` package."""

from __future__ import annotations

import gguf


def write_out(writer: gguf.GGUFWriter) -> None:
    """Writes all that the writer was given, and closes the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
